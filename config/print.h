// Settings as text: the configuration in effect, the reference of all options, the help.
#pragma once

#include <string>

#include "config/options.h"

namespace penstock {

/// The reference `penstock.conf`: every option, commented out at its default, with reason, range and unit.
std::string printReference();

std::string printHelp(const ProgramText& program);

}  // namespace penstock
