#include "dataplane/worker/region_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "daemon/exit_codes.h"

namespace penstock {
namespace {

/// Closes a descriptor unless it was released.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

[[noreturn]] void refuse(int exit_code, const std::string& path, const std::string& why) {
  throw StartError(exit_code, fmt::format("{}: {}", path, why));
}

std::unique_ptr<MappedFile> map(File& file, size_t size_bytes, int protection) {
  struct stat status;
  if (fstat(file.get(), &status) != 0) return nullptr;
  void* data = mmap(nullptr, size_bytes, protection, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return nullptr;
  auto mapped = std::make_unique<MappedFile>(file.release(), data, size_bytes, status.st_dev, status.st_ino);
  // Regions hold keys and addresses: neither into a core dump nor out to a swap device. Pages are locked as they are
  // touched, as the files are sparse.
  madvise(data, size_bytes, MADV_DONTDUMP);
  if (mlock2(data, size_bytes, MLOCK_ONFAULT) != 0) {
    spdlog::debug("memory of a region is not locked ({}): it might be swapped out", std::strerror(errno));
  }
  return mapped;
}

/// Opens and locks `path`, so that it is certain that no other process writes it.
int openLocked(const std::string& path) {
  for (;;) {
    File file(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
    if (file.get() < 0) {
      const int error = errno;
      if (error == ENOENT)
        refuse(kExitRegion, path, "its directory does not exist: make it, or correct seam.directory.");
      refuse(error == EACCES || error == EPERM || error == EROFS ? kExitRights : kExitRegion, path,
             fmt::format("it cannot be opened for writing ({}): correct seam.directory or its owner.",
                         std::strerror(error)));
    }
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      refuse(kExitBusy, path,
             "another penstock-dataplane has it: stop that one, or give this one a seam.directory of its own.");
    }
    struct stat ours, named;
    if (fstat(file.get(), &ours) != 0 || !S_ISREG(ours.st_mode))
      refuse(kExitRegion, path, "it is not a regular file: remove it.");
    if (ours.st_uid != geteuid()) refuse(kExitRegion, path, "it belongs to another user: remove it.");
    // Somebody may have replaced it between open and lock; the lock must be on what the name means now.
    if (stat(path.c_str(), &named) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev)
      return file.release();
  }
}

void shareWithGroup(int file, const std::string& path, const std::string& group) {
  if (!group.empty()) {
    const struct group* entry = getgrnam(group.c_str());
    if (entry == nullptr) throw StartError(kExitConfig, fmt::format("seam.group: there is no group \"{}\".", group));
    if (fchown(file, static_cast<uid_t>(-1), entry->gr_gid) != 0) {
      refuse(kExitRights, path,
             fmt::format("it cannot be given to group \"{}\" ({}): make this process a member of it.", group,
                         std::strerror(errno)));
    }
  }
  if (fchmod(file, 0640) != 0)
    refuse(kExitRights, path, fmt::format("its mode cannot be set ({}).", std::strerror(errno)));
}

uint64_t randomEpoch() {
  uint64_t epoch = 0;
  while (epoch == 0) {
    if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) epoch = 0;
  }
  return epoch;
}

}  // namespace

MappedFile::~MappedFile() {
  munmap(data_, size_bytes_);
  close(file_);
}

bool MappedFile::isAt(const std::string& path) const {
  struct stat named;
  return stat(path.c_str(), &named) == 0 && named.st_ino == inode_ && named.st_dev == device_;
}

OwnRegion::OwnRegion(const std::string& path, uint64_t magic, size_t size_bytes, const std::string& group) {
  for (int attempt = 0; attempt < 2 && !file_; ++attempt) {
    File file(openLocked(path));
    shareWithGroup(file.get(), path, group);
    struct stat status;
    if (fstat(file.get(), &status) != 0) refuse(kExitRegion, path, std::strerror(errno));
    const auto size_found = static_cast<size_t>(status.st_size);
    std::optional<std::string_view> refusal;
    if (size_found != 0 && size_found != size_bytes) refusal = "its size is another";
    if (size_found == 0 && ftruncate(file.get(), static_cast<off_t>(size_bytes)) != 0) {
      refuse(kExitMemory, path, fmt::format("no room for {} MiB ({}).", size_bytes >> 20, std::strerror(errno)));
    }
    if (!refusal) {
      file_ = map(file, size_bytes, PROT_READ | PROT_WRITE);
      if (!file_) refuse(kExitMemory, path, fmt::format("it cannot be mapped ({}).", std::strerror(errno)));
      if (size_found != 0) refusal = contract::refuse(header(), magic, size_bytes);
      kept_ = size_found != 0 && !refusal;
    }
    if (refusal) {
      spdlog::info("{}: made afresh: {}", path, *refusal);
      file_.reset();
      unlink(path.c_str());
    }
  }
  if (!file_) refuse(kExitRegion, path, "it cannot be replaced: remove it.");
  if (!kept_) makeHeader(magic, size_bytes);
  header().writer_pid.store(static_cast<uint32_t>(getpid()), std::memory_order_relaxed);
}

void OwnRegion::makeHeader(uint64_t magic, size_t size_bytes) {
  contract::RegionHeader& h = header();
  h.layout_version = contract::kLayoutVersion;
  h.header_size_bytes = sizeof(contract::RegionHeader);
  h.region_size_bytes = size_bytes;
  h.epoch = randomEpoch();
  h.magic.store(magic, std::memory_order_release);
}

std::expected<std::unique_ptr<MappedFile>, std::string> mapForeignRegion(const std::string& path, uint64_t magic,
                                                                         size_t size_bytes) {
  File file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0) return std::unexpected(errno == ENOENT ? "it is not there yet" : std::strerror(errno));
  struct stat status;
  if (fstat(file.get(), &status) != 0) return std::unexpected(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return std::unexpected("it is not a regular file");
  if (status.st_mode & S_IWOTH) return std::unexpected("anybody may write it");
  if (static_cast<size_t>(status.st_size) < sizeof(contract::RegionHeader)) {
    return std::unexpected("it is not such a region, or is not finished");
  }
  if (static_cast<size_t>(status.st_size) != size_bytes) {
    return std::unexpected("its size is another: run the same release on both sides");
  }
  std::unique_ptr<MappedFile> mapped = map(file, size_bytes, PROT_READ);
  if (!mapped) return std::unexpected(fmt::format("it cannot be mapped ({})", std::strerror(errno)));
  const auto& header = *static_cast<const contract::RegionHeader*>(mapped->data());
  if (const auto refusal = contract::refuse(header, magic, size_bytes)) return std::unexpected(std::string(*refusal));
  return mapped;
}

}  // namespace penstock
