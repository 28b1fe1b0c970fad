// Which crypto a run uses, by the names of the command line. The one place that knows the backends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/srtp/crypto.h"

namespace penstock::bench {

inline constexpr const char* kBackendNames = "auto, ipsec-mb, libsrtp";
inline constexpr const char* kProfileNames = "gcm, gcm256, cm, cm32, null";

/// "auto" is what the dataplane would take on this machine. Null if there is no such backend here.
std::unique_ptr<srtp::Backend> makeBackend(std::string_view name);
/// What `name` stands for here.
std::string backendName(std::string_view name);

std::optional<contract::SrtpProfile> profileOf(std::string_view name);
std::string_view nameOf(contract::SrtpProfile profile);
/// As the RFCs call it.
std::string_view longNameOf(contract::SrtpProfile profile);

}  // namespace penstock::bench
