// How the programs end, told apart by systemd, scripts and tests. Values follow sysexits.h where it has one.
#pragma once

#include <stdexcept>
#include <string>

namespace penstock {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;       // something broke that no setting would mend
inline constexpr int kExitUsage = 64;        // EX_USAGE: the command line of a tool is wrong
inline constexpr int kExitRegion = 65;       // EX_DATAERR: a file of shared memory must not be used
inline constexpr int kExitPort = 66;         // EX_NOINPUT: a network port is not there, or does not start
inline constexpr int kExitUnavailable = 69;  // EX_UNAVAILABLE: something needed is not there (yet): an address, a peer
inline constexpr int kExitMemory = 71;       // EX_OSERR: hugepages, or memory, cannot be had
inline constexpr int kExitBusy = 75;         // EX_TEMPFAIL: another process of this kind already runs
inline constexpr int kExitRights = 77;       // EX_NOPERM: a right or capability is missing
inline constexpr int kExitConfig = 78;       // EX_CONFIG: a setting is wrong; starting again will not help

/// A daemon cannot start: one sentence that says what to do, and how the process ends. Thrown at start only.
class StartError : public std::runtime_error {
 public:
  StartError(int exit_code, const std::string& sentence) : std::runtime_error(sentence), exit_code_(exit_code) {}
  int exitCode() const { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace penstock
