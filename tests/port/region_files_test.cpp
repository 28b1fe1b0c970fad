// Which files of shared memory are used, which are made afresh, which are refused, and in what words.
#include "dataplane/worker/region_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "daemon/exit_codes.h"

namespace penstock {
namespace {

using contract::kFlowsMagic;
using contract::kTablesMagic;
using contract::RegionHeader;

constexpr size_t kSize = 64 * 1024;

class RegionFiles : public testing::Test {
 protected:
  RegionFiles() {
    char name[] = "/tmp/penstock-regions-XXXXXX";
    directory = mkdtemp(name);
    path = directory + "/region";
  }
  ~RegionFiles() override { std::filesystem::remove_all(directory); }

  OwnRegion open(uint64_t magic = kFlowsMagic, const std::string& group = "") {
    return OwnRegion(path, magic, kSize, group);
  }
  /// The exit code that opening ends in; 0 = it does not.
  int exitCode(const std::function<void()>& what) {
    try {
      what();
    } catch (const StartError& error) {
      said = error.what();
      return error.exitCode();
    }
    return 0;
  }

  std::string directory, path, said;
};

TEST_F(RegionFiles, a_new_region_is_whole_private_to_the_group_and_locked) {
  OwnRegion region = open();
  EXPECT_FALSE(region.kept());
  EXPECT_FALSE(contract::refuse(region.header(), kFlowsMagic, kSize));
  EXPECT_NE(region.header().epoch, 0u);
  EXPECT_EQ(region.header().writer_pid, static_cast<uint32_t>(getpid()));
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kSize));
  EXPECT_EQ(exitCode([&] { open(); }), kExitBusy);
  EXPECT_NE(said.find("another penstock-dataplane"), std::string::npos);
}

TEST_F(RegionFiles, content_outlives_the_process) {
  uint64_t epoch;
  {
    OwnRegion region = open();
    epoch = region.header().epoch;
    static_cast<char*>(region.data())[kSize - 1] = 42;
  }
  OwnRegion region = open();
  EXPECT_TRUE(region.kept());
  EXPECT_EQ(region.header().epoch, epoch);
  EXPECT_EQ(static_cast<char*>(region.data())[kSize - 1], 42);
}

TEST_F(RegionFiles, what_does_not_fit_is_made_afresh_without_touching_the_old_file) {
  const std::vector<std::pair<std::string, std::function<void(RegionHeader&)>>> cases = {
      {"magic", [](RegionHeader& h) { h.magic = 1; }},
      {"layout version", [](RegionHeader& h) { h.layout_version += 1; }},
      {"header size", [](RegionHeader& h) { h.header_size_bytes = 32; }},
      {"region size", [](RegionHeader& h) { h.region_size_bytes -= 1; }},
  };
  for (const auto& [what, spoil] : cases) {
    std::filesystem::remove(path);
    uint64_t epoch;
    {
      OwnRegion region = open();
      epoch = region.header().epoch;
      spoil(region.header());
    }
    const int reader = ::open(path.c_str(), O_RDONLY);
    OwnRegion region = open();
    EXPECT_FALSE(region.kept()) << what;
    EXPECT_NE(region.header().epoch, epoch) << what;
    struct stat old;
    ASSERT_EQ(fstat(reader, &old), 0);
    EXPECT_EQ(old.st_size, static_cast<off_t>(kSize)) << "a reader of it would die of SIGBUS";
    close(reader);
  }
  std::filesystem::remove(path);
  std::ofstream(path) << "short";
  EXPECT_FALSE(open().kept());
}

TEST_F(RegionFiles, refusals_of_our_own_files_by_table) {
  EXPECT_EQ(exitCode([&] { OwnRegion(directory + "/none/region", kFlowsMagic, kSize, ""); }), kExitRegion);
  EXPECT_NE(said.find("seam.directory"), std::string::npos);
  std::filesystem::create_directory(path);
  EXPECT_EQ(exitCode([&] { open(); }), kExitRegion);
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/etc/passwd", path);
  EXPECT_EQ(exitCode([&] { open(); }), kExitRegion) << "a link is not followed";
  std::filesystem::remove(path);
  EXPECT_EQ(exitCode([&] { open(kFlowsMagic, "no-such-group"); }), kExitConfig);
}

TEST_F(RegionFiles, a_foreign_region_is_mapped_only_when_whole_and_of_our_layout) {
  const auto refusal = [&] {
    const auto mapped = mapForeignRegion(path, kTablesMagic, kSize);
    return mapped ? std::string() : mapped.error();
  };
  EXPECT_EQ(refusal(), "it is not there yet");
  std::ofstream(path).flush();
  EXPECT_EQ(refusal(), "it is not such a region, or is not finished");
  std::filesystem::resize_file(path, kSize / 2);
  EXPECT_EQ(refusal(), "its size is another: run the same release on both sides");
  std::filesystem::resize_file(path, kSize);
  EXPECT_EQ(refusal(), "it is not such a region, or is not finished");
  std::filesystem::remove(path);
  {
    OwnRegion region = open(kTablesMagic);
    EXPECT_EQ(refusal(), "");
    region.header().layout_version = 99;
    EXPECT_NE(refusal().find("layout version"), std::string::npos);
    region.header().layout_version = contract::kLayoutVersion;
    EXPECT_EQ(chmod(path.c_str(), 0666), 0);
    EXPECT_EQ(refusal(), "anybody may write it");
  }
}

TEST_F(RegionFiles, a_file_that_was_replaced_is_noticed) {
  OwnRegion first = open(kTablesMagic);
  const auto mapped = mapForeignRegion(path, kTablesMagic, kSize);
  ASSERT_TRUE(mapped);
  EXPECT_TRUE((*mapped)->isAt(path));
  std::filesystem::remove(path);
  EXPECT_FALSE((*mapped)->isAt(path));
  OwnRegion second = open(kTablesMagic);
  EXPECT_FALSE((*mapped)->isAt(path));
}

}  // namespace
}  // namespace penstock
