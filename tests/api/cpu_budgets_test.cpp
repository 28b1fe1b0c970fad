// What a client may cost the control thread: the arithmetic with a clock of its own, and what a spent budget does.
#include "control/api/cpu_budgets.h"

#include <gtest/gtest.h>

#include "tests/api/client.h"
#include "tests/api/relay.h"
#include "tests/support/eventually.h"

namespace penstock::test {
namespace {

using namespace std::chrono_literals;

TEST(CpuBudgets, a_burst_is_free_and_debt_is_paid_by_waiting) {
  CpuBudgets budgets(250ms, 1s);
  EXPECT_EQ(budgets.wait("ada", 10s), 0s);
  budgets.spend("ada", 1s, 10s);
  EXPECT_EQ(budgets.wait("ada", 10s), 0s) << "just what was there";
  budgets.spend("ada", 100ms, 10s);
  EXPECT_EQ(budgets.wait("ada", 10s), 400ms);
  EXPECT_EQ(budgets.wait("ada", 10s + 300ms), 100ms);
  EXPECT_EQ(budgets.wait("ada", 10s + 400ms), 0s);
  EXPECT_EQ(budgets.wait("bob", 10s), 0s) << "who spent nothing";
  EXPECT_EQ(budgets.wait("", 10s), 0s);
}

TEST(CpuBudgets, nobody_saves_more_than_the_burst) {
  CpuBudgets budgets(250ms, 1s);
  budgets.spend("ada", 500ms, 10s);
  budgets.spend("ada", 1s + 250ms, 1000s);
  EXPECT_EQ(budgets.wait("ada", 1000s), 1s);
}

TEST(CpuBudgets, the_steady_rate_is_never_refused) {
  CpuBudgets budgets(250ms, 1s);
  for (int tenths = 0; tenths < 1000; ++tenths) {
    budgets.spend("ada", 25ms, tenths * 100ms);
    ASSERT_EQ(budgets.wait("ada", tenths * 100ms), 0s) << tenths;
  }
}

TEST(CpuBudgets, who_has_paid_is_forgotten_and_who_has_not_is_not) {
  CpuBudgets budgets(250ms, 1s);
  budgets.spend("debtor", 1000s, 0s);
  for (int i = 0; i < 100'000; ++i) budgets.spend("passer-by " + std::to_string(i), 1us, i * 1ms);
  EXPECT_LT(budgets.size(), 200u);
  EXPECT_GT(budgets.wait("debtor", 100s), 0s);
}

/// The first request, whatever it costs, spends the budget for longer than any test takes.
HttpTuning tightTuning() {
  HttpTuning tuning = shortTuning();
  tuning.client_cpu = 1ns;
  tuning.client_cpu_burst = 1ns;
  return tuning;
}

HeaderList bearer(const std::string& room, const std::string& rights, const std::string& subject) {
  return {{"Authorization", "Bearer " + token(room, rights, 60, subject)}};
}

TEST(CpuBudget, of_a_subject_or_of_an_address_is_spent_by_requests) {
  Relay relay(configWithKeys(), tightTuning());
  relay.run([](FakeService& service) { (void)service.openRoom("x", {}); });
  const auto get = [&relay](const HeaderList& headers) { return fetch(relay.port(), "GET", "/v1/rooms/x", headers); };
  EXPECT_EQ(get(bearer("x", "join", "ada")).status, 200);
  const Reply refused = get(bearer("x", "join", "ada"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.code(), "budget_spent");
  EXPECT_GE(std::stoul("0" + refused.header("retry-after")), 1u);
  EXPECT_EQ(get(bearer("x", "join", "bob")).status, 200) << "another subject of the same address";
  EXPECT_EQ(get(bearer("x", "join", "")).status, 200) << "a token without a subject: its address";
  EXPECT_EQ(get(bearer("x", "join", "")).status, 429);
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/openapi.json").status, 429) << "the same address without a token";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(bearer("*", "admin", "")).status, 200) << "who runs the relay";
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200) << "supervisors are answered";
  EXPECT_NE(relay.metrics().find("penstock_client_budget_spent_total{what=\"request\"} 3\n"), std::string::npos);
}

TEST(CpuBudget, a_refused_body_is_not_read) {
  Relay relay(configWithKeys(), tightTuning());
  const HeaderList headers = bearer("x", "join", "ada");
  (void)fetch(relay.port(), "GET", "/v1/rooms/x", headers);
  Client client(relay.port());
  client.sendRaw("POST /whip/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 60000\r\n" +
                 headers[0].first + ": " + headers[0].second + "\r\n\r\n");
  const Reply reply = client.readReply();
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.header("connection"), "close");
}

TEST(CpuBudget, is_not_kept_without_keys) {
  Relay relay({}, tightTuning());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms").status, 200) << "loopback only";
}

TEST(CpuBudget, messages_wait_until_there_is_something_to_spend) {
  HttpTuning tuning = shortTuning();
  tuning.client_cpu = 10ms;  // of a second: a message of a tenth of a millisecond costs ten milliseconds of waiting
  tuning.client_cpu_burst = 1ns;
  Relay relay(configWithKeys(), tuning);
  WebSocketClient client(relay.port());
  ASSERT_EQ(client.open("/v1/rooms/x/ws", bearer("x", "join", "ada")).status, 101);
  client.send({{"type", "join"}, {"name", "Ada"}});
  for (int i = 0; i < 5; ++i) client.send({{"type", "nothing"}, {"id", i}});
  for (int answers = 0; answers < 5;) {
    const auto message = client.receive();
    ASSERT_FALSE(message.empty()) << "late, and all of them";
    if (message.at("type") != "error") continue;
    EXPECT_EQ(message.at("id"), answers);
    ++answers;
  }
  EXPECT_NE(relay.metrics().find("penstock_client_budget_spent_total{what=\"message\"} "), std::string::npos);
}

TEST(CpuBudget, a_socket_whose_debt_is_absurd_is_closed) {
  Relay relay(configWithKeys(), tightTuning());
  WebSocketClient client(relay.port());
  ASSERT_EQ(client.open("/v1/rooms/x/ws", bearer("x", "join", "ada")).status, 101);
  client.send({{"type", "join"}, {"name", "Ada"}});
  ASSERT_TRUE(eventually([&relay] {
    return relay.metrics().find("penstock_client_budget_spent_total{what=\"message\"} 1\n") != std::string::npos;
  }));
  EXPECT_EQ(client.closeCode(), 1008);
}

}  // namespace
}  // namespace penstock::test
