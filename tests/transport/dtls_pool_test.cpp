// Many handshakes at once: bounded, off the control thread, and none of them reset by strangers.
#include "control/transport/dtls_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <map>
#include <random>

#include "tests/support/eventually.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;

struct World {
  explicit World(DtlsConfig config = {.threads = 2, .handshakes_max = 100, .timeout_s = 2})
      : certificate(makeCertificate()), pool(context.get_executor(), config, certificate, callbacks()) {}

  DtlsPool::Callbacks callbacks() {
    return {.on_secured = [this](const std::string& id, const SrtpKeys& keys) { secured[id] = keys; },
            .on_failed = [this](const std::string& id, DtlsFailure reason) { failed[id] = reason; },
            .on_closed = [this](const std::string& id) { closed.push_back(id); },
            .send = [this](const std::string& id,
                           std::span<const uint8_t> bytes) { sent[id].emplace_back(bytes.begin(), bytes.end()); },
            .on_busy = [this](bool now) { busy.push_back(now); }};
  }
  void turn(milliseconds time = milliseconds(5)) {
    context.restart();
    context.run_for(time);
  }

  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  Certificate certificate;
  std::map<std::string, SrtpKeys> secured;
  std::map<std::string, DtlsFailure> failed;
  std::vector<std::string> closed;
  std::map<std::string, std::deque<std::vector<uint8_t>>> sent;
  std::vector<bool> busy;
  DtlsPool pool;
};

/// Clients of the world, one per transport.
struct Client {
  Client(World& world, const std::string& id, DtlsRole our_role = DtlsRole::server)
      : context(certificate, milliseconds(20)),
        association(context, our_role == DtlsRole::server ? DtlsRole::client : DtlsRole::server,
                    world.pool.fingerprint()),
        name(id) {}
  std::string fingerprint() const { return fingerprintOf(certificate); }
  void exchange(World& world) {
    association.onTimeout();
    for (const auto& datagram : association.takeOutput()) world.pool.receive(name, datagram);
    auto& to = world.sent[name];
    for (; !to.empty(); to.pop_front()) association.receive(to.front());
  }
  bool secured() const { return association.state() == DtlsAssociation::State::kSecured; }

  Certificate certificate = makeCertificate();
  DtlsContext context;
  DtlsAssociation association;
  std::string name;
};

template <class Done>
bool runUntil(World& world, std::vector<std::unique_ptr<Client>>& clients, Done done) {
  return test::eventually(done, [&] {
    for (auto& client : clients) client->exchange(world);
    world.turn(milliseconds(2));
  });
}

std::vector<std::unique_ptr<Client>> clientsOf(World& world, int count) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<Client>(world, "t" + std::to_string(i)));
    world.pool.start(clients.back()->name, DtlsRole::server, clients.back()->fingerprint(), {clients.back()->name, ""});
    clients.back()->association.start();
  }
  return clients;
}

TEST(DtlsPool, a_join_storm_beyond_its_bound_gets_through_by_the_clients_retransmissions) {
  World world({.threads = 2, .handshakes_max = 5, .timeout_s = 10});
  auto clients = clientsOf(world, 40);
  size_t most = 0;
  ASSERT_TRUE(runUntil(world, clients, [&] {
    most = std::max(most, world.pool.handshaking());
    return world.secured.size() == clients.size();
  }));
  EXPECT_LE(most, 5u);
  EXPECT_EQ(world.pool.handshaking(), 0u);
  EXPECT_EQ(world.pool.count(DtlsCounter::done), 40u);
  EXPECT_GT(world.pool.count(DtlsCounter::overloaded), 0u);
  EXPECT_TRUE(world.failed.empty());
  EXPECT_TRUE(world.busy.front());
  EXPECT_FALSE(world.busy.back());
  for (const auto& client : clients) {
    if (client->secured()) {
      EXPECT_EQ(world.secured[client->name].send_key, client->association.keys().receive_key);
    }
  }
}

TEST(DtlsPool, opens_the_handshake_itself_in_the_client_role) {
  World world;
  std::vector<std::unique_ptr<Client>> clients;
  clients.push_back(std::make_unique<Client>(world, "t", DtlsRole::client));
  world.pool.start("t", DtlsRole::client, clients[0]->fingerprint(), {"room", ""});
  world.turn(milliseconds(20));
  EXPECT_TRUE(world.sent["t"].empty()) << "there is nowhere to send it to";
  EXPECT_EQ(world.pool.handshaking(), 0u);
  const auto sends = [&world] { return test::runUntil(world.context, [&] { return !world.sent["t"].empty(); }); };
  world.pool.nominated("t");
  EXPECT_TRUE(sends());
  EXPECT_EQ(world.sent["t"].size(), 1u);
  world.sent["t"].clear();
  world.pool.nominated("t");  // elsewhere
  EXPECT_TRUE(sends());
  ASSERT_TRUE(runUntil(world, clients, [&] { return world.secured.contains("t"); }));
  world.pool.nominated("t");
  EXPECT_EQ(world.pool.handshaking(), 0u) << "a client that moves needs no new handshake";
}

TEST(DtlsPool, who_never_checks_an_address_holds_no_place) {
  World world({.threads = 1, .handshakes_max = 10, .timeout_s = 10});
  for (int i = 0; i < 1000; ++i)
    world.pool.start("passive" + std::to_string(i), DtlsRole::client, world.pool.fingerprint(), {"hostile", "mallory"});
  world.turn(milliseconds(50));
  EXPECT_EQ(world.pool.handshaking(), 0u);
  EXPECT_TRUE(world.sent.empty());
  auto clients = clientsOf(world, 3);
  clients.push_back(std::make_unique<Client>(world, "t", DtlsRole::client));
  world.pool.start("t", DtlsRole::client, clients.back()->fingerprint(), {"room", ""});
  world.pool.nominated("t");
  ASSERT_TRUE(runUntil(world, clients, [&] { return world.secured.size() == 4; }));
  for (int i = 0; i < 1000; ++i) world.pool.stop("passive" + std::to_string(i));
  EXPECT_EQ(world.pool.count(DtlsCounter::never_started), 1000u);
}

TEST(DtlsPool, a_room_and_a_subject_have_their_share_of_places_and_the_rest_come_by_turns) {
  World world({.threads = 1, .handshakes_max = 8, .timeout_s = 30});
  const auto add = [&](const std::string& name, int count, const HandshakeOwner& owner) {
    for (int i = 0; i < count; ++i) {
      const std::string id = name + std::to_string(i);
      world.pool.start(id, DtlsRole::client, world.pool.fingerprint(), owner);
      world.pool.nominated(id);  // and none of them ever answers
    }
  };
  const auto begun = [&](const std::string& name) {
    world.turn(milliseconds(100));
    return std::ranges::count_if(world.sent, [&](const auto& each) { return each.first.starts_with(name); });
  };
  add("mallory", 50, {"here", "mallory"});
  EXPECT_EQ(begun("mallory"), 2) << "a quarter";
  add("elsewhere", 50, {"there", "mallory"});
  EXPECT_EQ(begun("elsewhere"), 0) << "of all rooms";
  add("anybody", 50, {"here", ""});
  EXPECT_EQ(begun("anybody"), 2) << "half, with the other two";
  add("bob", 1, {"room", "bob"});
  add("carol", 20, {"room", "carol"});
  EXPECT_EQ(begun("bob"), 1);
  EXPECT_EQ(begun("carol"), 2);
  add("dave", 2, {"lobby", ""});
  EXPECT_EQ(begun("dave"), 1) << "all places are taken";
  EXPECT_EQ(world.pool.handshaking(), 8u);

  world.pool.stop("mallory0");
  world.pool.stop("carol0");
  world.pool.stop("bob0");
  EXPECT_EQ(begun("dave"), 2);
  EXPECT_EQ(begun("mallory") + begun("elsewhere"), 3) << "one more";
  EXPECT_EQ(begun("anybody"), 3);
  EXPECT_EQ(begun("carol"), 2) << "her lane comes again after the others";
  EXPECT_EQ(world.pool.handshaking(), 8u);
}

TEST(DtlsPool, a_room_that_holds_its_share_waits_in_the_server_role_too) {
  World world({.threads = 1, .handshakes_max = 4, .timeout_s = 30});
  std::vector<std::unique_ptr<Client>> held;
  for (int i = 0; i < 4; ++i) {
    held.push_back(std::make_unique<Client>(world, "held" + std::to_string(i)));
    world.pool.start(held.back()->name, DtlsRole::server, held.back()->fingerprint(), {"hostile", ""});
    held.back()->association.start();
    for (const auto& datagram : held.back()->association.takeOutput()) world.pool.receive(held.back()->name, datagram);
  }
  EXPECT_EQ(world.pool.handshaking(), 2u);
  EXPECT_EQ(world.pool.count(DtlsCounter::overloaded), 2u);
  auto clients = clientsOf(world, 4);
  ASSERT_TRUE(runUntil(world, clients, [&] { return world.secured.size() == 4; }));
}

TEST(DtlsPool, forged_client_hellos_neither_secure_nor_end_the_true_handshake) {
  World world;
  auto clients = clientsOf(world, 1);
  Client stranger(world, "t0");
  stranger.association.start();
  std::vector<std::unique_ptr<Client>> strangers;
  strangers.push_back(std::make_unique<Client>(world, "t0"));
  strangers[0]->association.start();
  ASSERT_TRUE(runUntil(world, strangers, [&] { return world.pool.count(DtlsCounter::fingerprint_mismatch) > 0; }));
  EXPECT_TRUE(world.secured.empty());
  EXPECT_TRUE(world.failed.empty()) << "not given up";

  std::vector<uint8_t> garbage(60, 0xff);
  garbage[0] = 22, garbage[1] = 0xfe, garbage[2] = 0xfd, garbage[13] = 1;
  world.pool.receive("t0", garbage);
  world.turn();
  world.sent["t0"].clear();
  ASSERT_TRUE(runUntil(world, clients, [&] { return world.secured.contains("t0"); }));
}

TEST(DtlsPool, a_client_with_another_certificate_is_given_up_in_time) {
  World world({.threads = 1, .handshakes_max = 10, .timeout_s = 1});
  auto clients = clientsOf(world, 1);
  world.pool.stop("t0");
  world.pool.start("t0", DtlsRole::server, fingerprintOf(makeCertificate()), {"room", ""});
  ASSERT_TRUE(runUntil(world, clients, [&] { return world.failed.contains("t0"); }));
  EXPECT_EQ(world.failed["t0"], DtlsFailure::kFingerprintMismatch);
  EXPECT_TRUE(world.secured.empty());
}

TEST(DtlsPool, a_handshake_that_stops_half_way_times_out_and_frees_its_place) {
  World world({.threads = 1, .handshakes_max = 1, .timeout_s = 1});
  auto clients = clientsOf(world, 2);
  for (const auto& datagram : clients[0]->association.takeOutput()) world.pool.receive("t0", datagram);
  world.turn(milliseconds(20));
  EXPECT_EQ(world.pool.handshaking(), 1u);
  clients.erase(clients.begin());
  ASSERT_TRUE(runUntil(world, clients, [&] { return world.secured.contains("t1"); }));
  EXPECT_EQ(world.failed["t0"], DtlsFailure::kTimeout);
  EXPECT_EQ(world.pool.count(DtlsCounter::timeout), 1u);
}

TEST(DtlsPool, what_belongs_to_no_handshake_is_counted_and_ignored) {
  World world;
  const std::vector<uint8_t> record = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0, 2, 1, 2};
  world.pool.receive("unknown", record);  // secured before a restart of penstockd
  world.pool.start("t", DtlsRole::server, world.pool.fingerprint(), {"room", ""});
  world.pool.receive("t", record);  // not a ClientHello
  world.pool.receive("t", {});
  world.turn();
  EXPECT_EQ(world.pool.count(DtlsCounter::no_association), 3u);
  EXPECT_EQ(world.pool.handshaking(), 0u);
  EXPECT_TRUE(world.sent.empty());
}

TEST(DtlsPool, tells_that_the_client_closed) {
  World world;
  auto clients = clientsOf(world, 1);
  ASSERT_TRUE(runUntil(world, clients, [&] { return clients[0]->secured() && world.secured.contains("t0"); }));
  clients[0]->association.close();
  ASSERT_TRUE(runUntil(world, clients, [&] { return !world.closed.empty(); }));
  EXPECT_EQ(world.closed[0], "t0");
}

TEST(DtlsPool, says_goodbye_when_a_secured_transport_is_stopped) {
  World world;
  auto clients = clientsOf(world, 2);
  const auto all_done = [&] { return world.secured.size() == 2 && clients[0]->secured() && clients[1]->secured(); };
  ASSERT_TRUE(runUntil(world, clients, all_done));
  world.sent.clear();
  world.pool.stop("t0");
  ASSERT_TRUE(
      runUntil(world, clients, [&] { return clients[0]->association.state() == DtlsAssociation::State::kClosed; }));
  EXPECT_TRUE(clients[1]->secured());
  EXPECT_TRUE(world.closed.empty()) << "we know";

  world.pool.stop("t1");
  world.pool.start("t1", DtlsRole::server, clients[1]->fingerprint(),
                   {"t1", ""});  // the same transport, begun anew at once
  world.turn(milliseconds(50));
  EXPECT_TRUE(world.sent["t1"].empty()) << "the goodbye of the former association is not for the new one";
}

TEST(DtlsPool, a_stopped_transport_is_heard_of_no_more) {
  World world;
  auto clients = clientsOf(world, 3);
  for (auto& client : clients) client->exchange(world);
  for (auto& client : clients) world.pool.stop(client->name);
  EXPECT_EQ(world.pool.handshaking(), 0u);
  world.turn(milliseconds(50));
  for (const auto& client : clients) EXPECT_TRUE(world.sent[client->name].empty());
  EXPECT_TRUE(world.secured.empty());
}

TEST(DtlsPool, can_be_destroyed_in_the_middle) {
  boost::asio::io_context context;
  const Certificate certificate = makeCertificate();
  for (int i = 0; i < 20; ++i) {
    DtlsPool pool(context.get_executor(), {.threads = 2}, certificate,
                  {.on_secured = [](auto&&...) { FAIL(); },
                   .on_failed = {},
                   .on_closed = {},
                   .send = [](auto&&...) {},
                   .on_busy = {}});
    for (int t = 0; t < 20; ++t) {
      pool.start(std::to_string(t), DtlsRole::client, pool.fingerprint(), {"room" + std::to_string(t % 3), ""});
      pool.nominated(std::to_string(t));
    }
    if (i % 2) context.run_for(milliseconds(1));
    context.restart();
  }
  context.run();
}

}  // namespace
}  // namespace penstock
