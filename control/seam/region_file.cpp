#include "control/seam/region_file.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "daemon/exit_codes.h"

namespace penstock {
namespace {

using contract::RegionHeader;
using contract::TablesRegion;

std::string errnoText() {
  return std::strerror(errno);
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

class File {
 public:
  explicit File(int file) : file_(file) {}
  File(File&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ~File() {
    if (file_ >= 0) ::close(file_);
  }
  explicit operator bool() const { return file_ >= 0; }
  int get() const { return file_; }
  int release() { return std::exchange(file_, -1); }

 private:
  int file_;
};

/// nullopt for "leave the group as it is".
std::optional<gid_t> groupId(const std::string& group) {
  if (group.empty()) return std::nullopt;
  errno = 0;
  const ::group* entry = ::getgrnam(group.c_str());  // start-up, one thread
  if (entry == nullptr) throw StartError(kExitConfig, "seam.group: there is no group '" + group + "' on this machine");
  return entry->gr_gid;
}

/// Both daemons make files here, possibly as different users of one group.
void makeDirectory(const std::string& directory, std::optional<gid_t> group) {
  if (::mkdir(directory.c_str(), 0770) == 0) {
    if (group && ::chown(directory.c_str(), -1, *group) != 0)
      fail("cannot give " + directory + " to the group: " + errnoText());
    ::chmod(directory.c_str(), 0770);  // whatever the umask is
  } else if (errno != EEXIST) {
    fail("cannot make the directory " + directory + ": " + errnoText());
  }
  struct statfs fs {};
  if (::statfs(directory.c_str(), &fs) == 0 && fs.f_type != TMPFS_MAGIC)
    spdlog::warn("{} is not on tmpfs: keys would reach the disk", directory);
}

bool isStillAt(const std::string& path, int file) {
  struct stat by_path {
  }, by_file{};
  return ::stat(path.c_str(), &by_path) == 0 && ::fstat(file, &by_file) == 0 && by_path.st_ino == by_file.st_ino &&
         by_path.st_dev == by_file.st_dev;
}

Mapping map(File file, size_t size_bytes, bool writable) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return {};
  void* data = ::mmap(nullptr, size_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return {};
  // Keys: not in core dumps, and not swapped out as far as RLIMIT_MEMLOCK lets us.
  ::madvise(data, size_bytes, MADV_DONTDUMP);
  if (writable && ::mlock2(data, size_bytes, MLOCK_ONFAULT) != 0)
    spdlog::debug("region not locked in memory: {}", errnoText());
  return {file.release(), data, size_bytes, status.st_dev, status.st_ino};
}

uint64_t randomEpoch() {
  uint64_t epoch = 0;
  while (epoch == 0) {
    if (::getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) fail("no random numbers: " + errnoText());
  }
  return epoch;
}

/// The file that is there already, locked and checked; an empty Mapping when a new one is to be made.
Mapping openExisting(const std::string& path) {
  File file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno == ENOENT) return {};
    fail("cannot open " + path + ": " + errnoText());
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    throw StartError(kExitBusy, path + " is in use: another penstockd runs on this directory");
  if (!isStillAt(path, file.get())) throw StartError(kExitBusy, path + " is being made by another penstockd");

  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("cannot look at " + path + ": " + errnoText());
  std::string_view why = "its size is another";
  if (static_cast<size_t>(status.st_size) == sizeof(TablesRegion)) {
    Mapping mapping = map(std::move(file), sizeof(TablesRegion), true);
    if (!mapping) fail("cannot map " + path + ": " + errnoText());
    const auto refusal =
        contract::refuse(*static_cast<RegionHeader*>(mapping.data()), contract::kTablesMagic, sizeof(TablesRegion));
    if (!refusal) return mapping;
    why = *refusal;
  }
  spdlog::warn("{} is made afresh: {}", path, why);
  if (::unlink(path.c_str()) != 0) fail("cannot remove " + path + ": " + errnoText());
  return {};
}

void setAccess(int file, const std::string& path, std::optional<gid_t> group) {
  if (group && ::fchown(file, -1, *group) != 0) fail("cannot give " + path + " to the group: " + errnoText());
  if (::fchmod(file, 0640) != 0) fail("cannot set the mode of " + path + ": " + errnoText());
}

/// Made under another name and linked into place when it is whole, so that nobody opens half of one.
Mapping makeNew(const std::string& directory, const std::string& path, std::optional<gid_t> group) {
  File file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) fail("cannot make a file in " + directory + ": " + errnoText());
  if (::ftruncate(file.get(), sizeof(TablesRegion)) != 0) fail("cannot size " + path + ": " + errnoText());
  ::flock(file.get(), LOCK_EX | LOCK_NB);
  setAccess(file.get(), path, group);

  const int handle = file.get();
  Mapping mapping = map(std::move(file), sizeof(TablesRegion), true);
  if (!mapping) fail("cannot map " + path + ": " + errnoText());
  auto& header = *static_cast<RegionHeader*>(mapping.data());
  header.layout_version = contract::kLayoutVersion;
  header.header_size_bytes = sizeof(RegionHeader);
  header.region_size_bytes = sizeof(TablesRegion);
  header.epoch = randomEpoch();
  header.writer_pid.store(static_cast<uint32_t>(::getpid()), std::memory_order_relaxed);
  header.magic.store(contract::kTablesMagic, std::memory_order_release);

  const std::string by_handle = "/proc/self/fd/" + std::to_string(handle);
  if (::linkat(AT_FDCWD, by_handle.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
    fail("cannot make " + path + ": " + errnoText());
  return mapping;
}

}  // namespace

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_bytes_);
  if (file_ >= 0) ::close(file_);
}

void Mapping::swap(Mapping& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
}

std::expected<Mapping, std::string> mapReadOnly(const std::string& path, uint64_t magic, size_t size_bytes) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::unexpected("cannot open " + path + ": " + errnoText());
  struct stat status {};
  // A file that is shorter than its mapping would end us with SIGBUS.
  if (::fstat(file.get(), &status) != 0 || static_cast<size_t>(status.st_size) != size_bytes)
    return std::unexpected("will not use " + path + ": its size is another: run the same release on both sides");
  Mapping mapping = map(std::move(file), size_bytes, false);
  if (!mapping) return std::unexpected("cannot map " + path + ": " + errnoText());
  if (const auto why = contract::refuse(*static_cast<const RegionHeader*>(mapping.data()), magic, size_bytes))
    return std::unexpected("will not use " + path + ": " + std::string(*why));
  return mapping;
}

TablesFile::TablesFile(const std::string& directory, const std::string& group) {
  const auto group_id = groupId(group);
  makeDirectory(directory, group_id);
  const std::string path = directory + "/" + std::string(contract::kTablesFile);
  mapping_ = openExisting(path);
  is_new_ = !mapping_;
  if (is_new_) mapping_ = makeNew(directory, path, group_id);
  region().header.writer_pid.store(static_cast<uint32_t>(::getpid()), std::memory_order_relaxed);
}

void TablesFile::beat(uint64_t now_ns) {
  region().header.heartbeat_ns.store(now_ns, std::memory_order_relaxed);
}

ReportsFile::Change ReportsFile::drop(std::string why) {
  refusal_ = std::move(why);
  if (!mapping_) return Change::kNone;
  mapping_ = Mapping();
  epoch_ = 0;
  return Change::kDetached;
}

ReportsFile::Change ReportsFile::refresh() {
  struct stat status {};
  // A dataplane that removes its file when it stops leaves us the last one to read statistics from.
  if (::stat(path_.c_str(), &status) != 0)
    return mapping_ ? Change::kNone : drop("there is no " + path_ + " yet: the dataplane does not run");

  if (mapping_.isFile(status.st_dev, status.st_ino)) {
    const RegionHeader& header = region()->header;
    if (const auto why = contract::refuse(header, contract::kReportsMagic, sizeof(contract::ReportsRegion)))
      return drop("will not use " + path_ + ": " + std::string(*why));
    if (header.epoch == epoch_) return Change::kNone;
    epoch_ = header.epoch;
    return Change::kAttached;
  }

  auto mapping = mapReadOnly(path_, contract::kReportsMagic, sizeof(contract::ReportsRegion));
  if (!mapping) return drop(mapping.error());
  mapping_ = std::move(*mapping);
  epoch_ = region()->header.epoch;
  refusal_.clear();
  return Change::kAttached;
}

}  // namespace penstock
