// Files of shared memory: the tables region, which control makes and writes, and regions of others, mapped read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include <sys/types.h>

#include "dataplane/contract/regions.h"

namespace penstock {

/// A mapped file; unmapped and closed when it goes. Which file it is stays known, so that a successor is noticed.
class Mapping {
 public:
  Mapping() = default;
  Mapping(int file, void* data, size_t size_bytes, dev_t device, ino_t inode)
      : file_(file), data_(data), size_bytes_(size_bytes), device_(device), inode_(inode) {}
  Mapping(Mapping&& other) noexcept { swap(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Mapping();

  void* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }
  bool isFile(dev_t device, ino_t inode) const { return data_ != nullptr && device_ == device && inode_ == inode; }

 private:
  void swap(Mapping& other) noexcept;

  int file_ = -1;
  void* data_ = nullptr;
  size_t size_bytes_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Maps a region that somebody else writes, after the check of its header. The error is a sentence for a person.
std::expected<Mapping, std::string> mapReadOnly(const std::string& path, uint64_t magic, size_t size_bytes);

/// The tables region as its one writer holds it: locked against a second writer, kept as it is over a restart of
/// penstockd, made afresh (new epoch, all rows empty) when it is absent or of another layout.
class TablesFile {
 public:
  /// `group` may read it; empty leaves the group of the process. Throws StartError.
  TablesFile(const std::string& directory, const std::string& group);

  contract::TablesRegion& region() { return *static_cast<contract::TablesRegion*>(mapping_.data()); }
  bool isNew() const { return is_new_; }
  /// Every 100 ms.
  void beat(uint64_t now_ns);

 private:
  Mapping mapping_;
  bool is_new_ = false;
};

/// The reports region as control reads it. Absent until the dataplane runs; replaced when the dataplane makes it
/// afresh.
class ReportsFile {
 public:
  enum class Change { kNone, kAttached, kDetached };

  explicit ReportsFile(const std::string& directory) : path_(directory + "/" + std::string(contract::kReportsFile)) {}

  /// Looks at the file again. kAttached: region() is another one than before. Call it a few times a second.
  Change refresh();
  /// nullptr while there is none to believe.
  const contract::ReportsRegion* region() const { return static_cast<const contract::ReportsRegion*>(mapping_.data()); }
  /// Why region() is nullptr.
  const std::string& refusal() const { return refusal_; }

 private:
  Change drop(std::string why);

  std::string path_;
  Mapping mapping_;
  uint64_t epoch_ = 0;
  std::string refusal_ = "not looked at yet";
};

}  // namespace penstock
