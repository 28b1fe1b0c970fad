// How the programs end, told apart by systemd, scripts and tests. Values follow sysexits.h where it has one.
#pragma once

namespace penstock {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // something broke that no setting would mend
inline constexpr int kExitUnavailable =
    69;                                 // EX_UNAVAILABLE: something needed is not there (yet): a port, a right, a peer
inline constexpr int kExitConfig = 78;  // EX_CONFIG: a setting is wrong; starting again will not help

}  // namespace penstock
