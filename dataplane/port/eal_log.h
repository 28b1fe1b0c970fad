// DPDK's log lines: kept while it starts, so that a failure can quote them, and written at debug level otherwise.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>

namespace penstock {

/// Makes itself DPDK's log stream. There may be one at a time.
class EalLog {
 public:
  EalLog();
  ~EalLog();
  EalLog(const EalLog&) = delete;
  EalLog& operator=(const EalLog&) = delete;

  /// The first thing DPDK complained about since it was forgotten, as what follows follows from it; empty if nothing.
  std::string complaint() const;
  void forget();

 private:
  static ssize_t write(void* self, const char* bytes, size_t size);
  void take(std::string line);

  FILE* stream_ = nullptr;
  mutable std::mutex mutex_;
  std::string partial_;
  std::string complaint_;
};

}  // namespace penstock
