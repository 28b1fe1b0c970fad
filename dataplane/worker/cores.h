// Threads and cores: pinning, and which memory is near.
#pragma once

#include <functional>
#include <optional>

namespace penstock {

/// Pins the calling thread; false if the core is not to be had.
bool pinTo(int core);
/// Runs `work` on a thread of its own that is pinned to the core, if one is given, and waits: what `work` writes first
/// is then in memory near that core.
void onCore(std::optional<int> core, const std::function<void()>& work);
/// The NUMA node of a core; -1 if the machine does not say.
int numaNodeOf(int core);

}  // namespace penstock
