// Housekeeping against a control that comes late, goes, comes back, or writes nonsense; the worker is a stand-in that
// writes down what it is told.
#include "dataplane/worker/housekeeping.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "dataplane/srtp/libsrtp_backend.h"
#include "tests/port/sound_rows.h"
#include "tests/support/eventually.h"

namespace penstock {
namespace {

using namespace contract;
using test::eventually;
using test::soundTransport;

/// Takes messages as a worker does: "attach", "+T0", "-T0".
class StandIn {
 public:
  explicit StandIn(WorkerLink& link) : thread_([this, &link](const std::stop_token& stop) { run(link, stop); }) {}

  std::string notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    notes_.clear();
  }

 private:
  void run(WorkerLink& link, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      WorkerMessage* message;
      if (!link.to_worker.pop(message)) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        continue;
      }
      note(*message);
      link.from_worker.push(std::move(message));
    }
  }
  void note(WorkerMessage& message) {
    const std::lock_guard lock(mutex_);
    if (!notes_.empty()) notes_ += ' ';
    if (AttachTables* attach = std::get_if<AttachTables>(&message)) {
      std::swap(attached_, *attach);
      notes_ += "attach";
    } else if (std::holds_alternative<LinkCameUp>(message)) {
      notes_ += "up";
    } else if (const auto* transport = std::get_if<TransportCommand>(&std::get<Command>(message))) {
      notes_ += (transport->row.state == RowState::kUsed ? "+T" : "-T") + std::to_string(transport->index);
    }
  }

  mutable std::mutex mutex_;
  std::string notes_;
  AttachTables attached_;
  std::jthread thread_;
};

class HousekeepingTest : public testing::Test {
 protected:
  HousekeepingTest() {
    char name[] = "/tmp/penstock-housekeeping-XXXXXX";
    directory = mkdtemp(name);
    start();
  }
  ~HousekeepingTest() override {
    stop();
    tables_file.reset();
    std::filesystem::remove_all(directory);
  }

  void start() {
    reports_file = std::make_unique<OwnRegion>(directory + "/reports", kReportsMagic, sizeof(ReportsRegion), "");
    flows_file = std::make_unique<OwnRegion>(directory + "/flows", kFlowsMagic, sizeof(FlowsRegion), "");
    links.push_back(std::make_unique<WorkerLink>());
    worker = std::make_unique<StandIn>(*links.front());
    housekeeping =
        std::make_unique<Housekeeping>(HousekeepingSettings{.tables_path = directory + "/tables",
                                                            .links =
                                                                [this] {
                                                                  return std::vector<LinkState>{{"net_test0", link_up}};
                                                                }},
                                       *backend, links, *reports_file, *flows_file);
    housekeeping->start();
  }
  void stop() {
    housekeeping.reset();
    worker.reset();
    links.clear();
    flows_file.reset();
    reports_file.reset();
  }
  /// Control starts: makes the region, or finds its own again.
  void makeTables() {
    tables_file = std::make_unique<OwnRegion>(directory + "/tables", kTablesMagic, sizeof(TablesRegion), "");
  }
  TablesRegion& tables() { return *static_cast<TablesRegion*>(tables_file->data()); }
  ReportsRegion& reports() { return *static_cast<ReportsRegion*>(reports_file->data()); }
  FlowsRegion& flows() { return *static_cast<FlowsRegion*>(flows_file->data()); }

  void write(uint32_t index, const TransportRow& row) {
    tables().transport[index].publish(row);
    const uint64_t head = tables().doorbell_head.count.load();
    tables().doorbell[head % kDoorbellMax] = {.index = index, .kind = RowKind::kTransport, .reserved = {}};
    tables().doorbell_head.count.store(head + 1);
  }
  void expectNotes(const std::string& notes) {
    EXPECT_TRUE(eventually([&] { return worker->notes() == notes; })) << worker->notes() << " instead of " << notes;
    worker->forget();
  }

  std::string directory;
  std::atomic<bool> link_up{true};
  std::unique_ptr<srtp::Backend> backend = srtp::makeLibsrtpBackend();
  std::unique_ptr<OwnRegion> tables_file, reports_file, flows_file;
  std::vector<std::unique_ptr<WorkerLink>> links;
  std::unique_ptr<StandIn> worker;
  std::unique_ptr<Housekeeping> housekeeping;
};

TEST_F(HousekeepingTest, control_may_come_later_and_its_rows_are_read_at_once_and_by_doorbell) {
  EXPECT_TRUE(eventually([&] { return reports_file->header().heartbeat_ns.load() != 0; }));
  makeTables();
  expectNotes("attach");
  EXPECT_TRUE(eventually([&] { return reports().status.tables_epoch == tables_file->header().epoch; }));
  write(5, soundTransport());
  expectNotes("+T5");
  EXPECT_EQ(reports().doorbell_tail.count.load(), 1u);
}

TEST_F(HousekeepingTest, an_impossible_doorbell_cursor_is_counted_and_all_rows_are_read_again) {
  makeTables();
  expectNotes("attach");
  tables().transport[9].publish(soundTransport());
  tables().doorbell_head.count.store(uint64_t{1} << 40);
  expectNotes("+T9");
  EXPECT_EQ(reports().housekeeping.read(Counter::doorbell_cursor_absurd), 1u);
  tables().doorbell_head.count.store(0);  // backwards
  EXPECT_TRUE(eventually([&] { return reports().housekeeping.read(Counter::doorbell_cursor_absurd) == 2; }));
  write(1, soundTransport(1, "ufragB"));
  expectNotes("+T1");
}

TEST_F(HousekeepingTest, a_full_turn_of_doorbells_is_not_absurd) {
  makeTables();
  expectNotes("attach");
  tables().transport[9].publish(soundTransport());
  for (Doorbell& doorbell : tables().doorbell) doorbell = {.index = 9, .kind = RowKind::kTransport, .reserved = {}};
  tables().doorbell_head.count.store(kDoorbellMax);
  expectNotes("+T9");
  EXPECT_TRUE(eventually([&] { return reports().doorbell_tail.count.load() == kDoorbellMax; }));
  EXPECT_EQ(reports().housekeeping.read(Counter::doorbell_cursor_absurd), 0u);
}

TEST_F(HousekeepingTest, the_worker_is_told_of_a_link_that_comes_up_but_not_of_one_that_is) {
  makeTables();
  expectNotes("attach");
  link_up = false;
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_EQ(worker->notes(), "");
  link_up = true;
  expectNotes("up");
}

TEST_F(HousekeepingTest, when_the_file_goes_forwarding_goes_on_and_a_new_one_replaces_what_it_held) {
  makeTables();
  write(0, soundTransport(1, "ufragA"));
  write(1, soundTransport(1, "ufragB"));
  EXPECT_TRUE(eventually([&] { return worker->notes().find("+T1") != std::string::npos; }));
  worker->forget();
  std::filesystem::remove(directory + "/tables");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(worker->notes(), "");
  makeTables();
  expectNotes("-T0 -T1 attach");
  write(0, soundTransport(1, "ufragC"));
  expectNotes("+T0");
}

TEST_F(HousekeepingTest, a_region_of_another_layout_is_refused_and_the_old_rows_stay) {
  makeTables();
  write(0, soundTransport());
  EXPECT_TRUE(eventually([&] { return worker->notes().find("+T0") != std::string::npos; }));
  worker->forget();
  std::filesystem::remove(directory + "/tables");
  {
    OwnRegion other(directory + "/tables.other", kTablesMagic, sizeof(TablesRegion), "");
    other.header().layout_version = 99;
  }
  std::filesystem::rename(directory + "/tables.other", directory + "/tables");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(worker->notes(), "");
}

TEST_F(HousekeepingTest, a_restarted_dataplane_finds_the_rows_and_its_flows_again) {
  makeTables();
  write(0, soundTransport());
  EXPECT_TRUE(eventually([&] { return worker->notes().find("+T0") != std::string::npos; }));
  flows().transport[0] = {.generation = 1, .remote = {.ip = {1}, .port_be = 7}};
  std::chrono::nanoseconds fastest = std::chrono::hours(1);  // of three, as other work may hold up one
  for (int i = 0; i < 3; ++i) {
    stop();
    const auto began = std::chrono::steady_clock::now();
    start();
    expectNotes("attach +T0");
    fastest = std::min<std::chrono::nanoseconds>(fastest, std::chrono::steady_clock::now() - began);
    EXPECT_TRUE(flows_file->kept());
    EXPECT_EQ(flows().transport[0].remote.port_be, 7);
  }
  EXPECT_LT(fastest, std::chrono::seconds(1));
}

TEST_F(HousekeepingTest, flows_of_another_tables_region_are_wiped_at_start) {
  makeTables();
  expectNotes("attach");
  flows().transport[0] = {.generation = 1, .remote = {.ip = {1}, .port_be = 7}};
  flows().subscription[kSubscriptionMax - 1].index_reserved = 77;
  stop();
  std::filesystem::remove(directory + "/tables");
  makeTables();
  start();
  expectNotes("attach");
  EXPECT_EQ(flows().transport[0].remote.port_be, 0);
  EXPECT_EQ(flows().subscription[kSubscriptionMax - 1].index_reserved, 0u);
}

}  // namespace
}  // namespace penstock
