// Files of shared memory: made, kept, refused, replaced.
#include "control/seam/region_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/seam/fake_dataplane.h"

namespace penstock {
namespace {

using contract::TablesRegion;
using test::FakeDataplane;
using test::TemporaryDirectory;

TEST(TablesFile, is_made_sparse_with_mode_0640_and_a_header_that_its_readers_accept) {
  TemporaryDirectory directory;
  TablesFile tables(directory.path() + "/made", "");
  EXPECT_TRUE(tables.isNew());
  EXPECT_NE(tables.region().header.epoch, 0u);
  struct stat status {};
  ASSERT_EQ(::stat((directory.path() + "/made/tables").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(static_cast<size_t>(status.st_size), sizeof(TablesRegion));
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
  EXPECT_TRUE(mapReadOnly(directory.path() + "/made/tables", contract::kTablesMagic, sizeof(TablesRegion)));
}

TEST(TablesFile, is_kept_as_it_is_over_a_restart) {
  TemporaryDirectory directory;
  uint64_t epoch;
  {
    TablesFile tables(directory.path(), "");
    epoch = tables.region().header.epoch;
    tables.region().doorbell_head.count = 5;
  }
  TablesFile tables(directory.path(), "");
  EXPECT_FALSE(tables.isNew());
  EXPECT_EQ(tables.region().header.epoch, epoch);
  EXPECT_EQ(tables.region().doorbell_head.count, 5u);
}

TEST(TablesFile, has_one_writer) {
  TemporaryDirectory directory;
  TablesFile tables(directory.path(), "");
  try {
    TablesFile second(directory.path(), "");
    FAIL() << "two writers";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("another penstockd runs"), std::string::npos) << error.what();
  }
}

TEST(TablesFile, of_another_layout_or_size_is_made_afresh_as_another_file) {
  for (const bool truncated : {false, true}) {
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/tables";
    uint64_t epoch;
    {
      TablesFile tables(directory.path(), "");
      epoch = tables.region().header.epoch;
      tables.region().header.layout_version = contract::kLayoutVersion + 1;
    }
    if (truncated) {
      ASSERT_EQ(::truncate(path.c_str(), 100), 0);
    } else {
      const auto refused = mapReadOnly(path, contract::kTablesMagic, sizeof(TablesRegion));
      ASSERT_FALSE(refused);
      EXPECT_NE(refused.error().find("layout version"), std::string::npos) << refused.error();
    }
    struct stat before {
    }, after{};
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    const int held = ::open(path.c_str(), O_RDONLY);  // as a reader holds it: its inode is not reused
    TablesFile tables(directory.path(), "");
    ASSERT_EQ(::stat(path.c_str(), &after), 0);
    ::close(held);
    EXPECT_TRUE(tables.isNew());
    EXPECT_NE(tables.region().header.epoch, epoch);
    EXPECT_NE(before.st_ino, after.st_ino) << "a reader of the old file keeps it whole";
  }
}

TEST(TablesFile, of_an_unknown_group_is_refused_in_words) {
  TemporaryDirectory directory;
  try {
    TablesFile tables(directory.path(), "no-such-group-here");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("no-such-group-here"), std::string::npos);
  }
}

TEST(ReportsFile, is_waited_for_and_noticed_when_it_is_replaced) {
  using Change = ReportsFile::Change;
  TemporaryDirectory directory;
  ReportsFile reports(directory.path());
  EXPECT_EQ(reports.refresh(), Change::kNone);
  EXPECT_EQ(reports.region(), nullptr);
  EXPECT_NE(reports.refusal().find("does not run"), std::string::npos) << reports.refusal();

  auto first = std::make_unique<FakeDataplane>(directory.path(), 11);
  EXPECT_EQ(reports.refresh(), Change::kAttached);
  EXPECT_EQ(reports.region()->header.epoch, 11u);
  EXPECT_EQ(reports.refresh(), Change::kNone);

  FakeDataplane second(directory.path(), 22);
  EXPECT_EQ(reports.refresh(), Change::kAttached);
  EXPECT_EQ(reports.region()->header.epoch, 22u);

  second.region().header.epoch = 33;  // made afresh in the same file
  EXPECT_EQ(reports.refresh(), Change::kAttached);

  second.region().header.magic = 0;
  EXPECT_EQ(reports.refresh(), Change::kDetached);
  EXPECT_EQ(reports.region(), nullptr);
  second.region().header.magic = contract::kReportsMagic;
  EXPECT_EQ(reports.refresh(), Change::kAttached);

  std::filesystem::remove(directory.path() + "/reports");
  EXPECT_EQ(reports.refresh(), Change::kNone);
  EXPECT_NE(reports.region(), nullptr) << "the last reports stay readable";
}

TEST(ReportsFile, that_is_short_or_of_another_layout_is_refused_in_words) {
  TemporaryDirectory directory;
  ReportsFile reports(directory.path());
  std::ofstream(directory.path() + "/reports") << "short";
  EXPECT_EQ(reports.refresh(), ReportsFile::Change::kNone);
  EXPECT_NE(reports.refusal().find("size"), std::string::npos) << reports.refusal();

  FakeDataplane dataplane(directory.path(), 1);
  dataplane.region().header.layout_version = 99;
  EXPECT_EQ(reports.refresh(), ReportsFile::Change::kNone);
  EXPECT_NE(reports.refusal().find("layout version"), std::string::npos) << reports.refusal();
}

}  // namespace
}  // namespace penstock
