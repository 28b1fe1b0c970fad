// The dataplane's side of the seam, as far as control can tell: a reports file that a test writes.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "dataplane/contract/regions.h"

namespace penstock::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/penstock-test-XXXXXX" : "/tmp/penstock-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FakeDataplane {
 public:
  FakeDataplane(const std::string& directory, uint64_t epoch, uint32_t workers = 1) : path_(directory + "/reports") {
    std::filesystem::remove(path_);  // made afresh: another inode
    const int file = ::open(path_.c_str(), O_RDWR | O_CREAT, 0640);
    if (file < 0 || ::ftruncate(file, sizeof(contract::ReportsRegion)) != 0) throw std::runtime_error("reports");
    void* data = ::mmap(nullptr, sizeof(contract::ReportsRegion), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (data == MAP_FAILED) throw std::runtime_error("reports");
    region_ = static_cast<contract::ReportsRegion*>(data);
    region_->header.layout_version = contract::kLayoutVersion;
    region_->header.header_size_bytes = sizeof(contract::RegionHeader);
    region_->header.region_size_bytes = sizeof(contract::ReportsRegion);
    region_->header.epoch = epoch;
    region_->status.worker_count = workers;
    region_->header.magic = contract::kReportsMagic;
  }
  ~FakeDataplane() { ::munmap(region_, sizeof(contract::ReportsRegion)); }
  FakeDataplane(const FakeDataplane&) = delete;

  contract::ReportsRegion& region() { return *region_; }

  void report(const contract::Event& event, uint32_t worker = 0) {
    contract::WorkerReports& to = region_->worker[worker];
    to.event[to.event_head.count % contract::kEventMax] = event;
    ++to.event_head.count;
  }
  void punt(contract::RowReference transport, uint32_t length_bytes, uint8_t fill, uint32_t worker = 0) {
    contract::WorkerReports& to = region_->worker[worker];
    contract::Datagram& datagram = to.punt[to.punt_head.count % contract::kPuntMax];
    datagram = {};
    datagram.transport = transport;
    datagram.length_bytes = length_bytes;
    datagram.bytes[0] = fill;
    ++to.punt_head.count;
  }

 private:
  std::string path_;
  contract::ReportsRegion* region_ = nullptr;
};

}  // namespace penstock::test
