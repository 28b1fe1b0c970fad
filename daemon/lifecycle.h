// What both daemons do around their work: shut doors at start, tell systemd how they are, wait for the end.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace penstock {

/// Files private to owner and group; no core dump and no debugger for others, as memory holds keys.
void hardenProcess();

/// Gives up every capability that running (not starting) does not need: in this thread, and those that it starts.
void dropCapabilities();

/// Blocks all signals in this thread and in those that it starts, for waitForStop() to take.
void blockSignals();

// systemd's protocol; nothing happens outside of systemd.
void notifyReady(const std::string& status);
void notifyStopping();

/// Returns when SIGTERM or SIGINT arrives; its name. SIGHUP does nothing: settings are read at start. Meanwhile tells
/// systemd's watchdog that all is well as long as `is_well` says so. Needs blockSignals().
std::string waitForStop(const std::function<bool()>& is_well);

}  // namespace penstock
