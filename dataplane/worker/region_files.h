// The files of shared memory as the dataplane holds them: its own, made or taken over; control's, mapped read-only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "dataplane/contract/regions.h"

namespace penstock {

/// A mapped file; unmapped and closed when it goes.
class MappedFile {
 public:
  MappedFile(int file, void* data, size_t size_bytes, dev_t device, ino_t inode)
      : data_(data), file_(file), size_bytes_(size_bytes), device_(device), inode_(inode) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  void* data() const { return data_; }
  /// Whether `path` still names this file.
  bool isAt(const std::string& path) const;

 private:
  void* data_;
  int file_;
  size_t size_bytes_;
  dev_t device_;
  ino_t inode_;
};

/// A region that this process writes, alone: locked while it lives, kept from an earlier process where its layout fits,
/// made afresh otherwise. An old file is never shortened, as a reader may have it mapped.
class OwnRegion {
 public:
  /// `group` may read it; empty leaves the group of the process. Throws StartError.
  OwnRegion(const std::string& path, uint64_t magic, size_t size_bytes, const std::string& group);

  void* data() const { return file_->data(); }
  contract::RegionHeader& header() const { return *static_cast<contract::RegionHeader*>(data()); }
  /// Whether the content is an earlier process's.
  bool kept() const { return kept_; }
  void beat(uint64_t now_ns) { header().heartbeat_ns.store(now_ns, std::memory_order_release); }

 private:
  void makeHeader(uint64_t magic, size_t size_bytes);

  std::unique_ptr<MappedFile> file_;
  bool kept_ = false;
};

/// Maps a region that another process writes. The error is the end of a sentence that begins with its path.
std::expected<std::unique_ptr<MappedFile>, std::string> mapForeignRegion(const std::string& path, uint64_t magic,
                                                                         size_t size_bytes);

}  // namespace penstock
