// The room service between its fakes, and clients of it.
#pragma once

#include <gtest/gtest.h>

#include "control/signalling/room_service.h"
#include "tests/signalling/client.h"
#include "tests/signalling/fakes.h"
#include "tests/signalling/read_sdp.h"

namespace penstock::test {

struct Serving : testing::Test {
  FakeRows rows;
  FakeDtls dtls;
  FakeStore store;
  FakeReports reports;
  FakeClock clock;
  FakeChance chance;
  FakeSink sink;
  RoomsConfig config;
  std::unique_ptr<RoomService> service;

  Serving() { restart(); }
  ~Serving() override { EXPECT_TRUE(rows.broken_rules.empty()) << rows.broken_rules.front(); }

  void restart(const RoomsLimits& limits = {}) {
    service = std::make_unique<RoomService>(config, testLocalSide(),
                                            RoomService::Edges{rows, dtls, store, reports, clock, chance}, limits);
    service->addSink(&sink);
  }

  struct Member {
    std::string id;
    std::shared_ptr<FakeLink> link;
  };
  Member join(const std::string& name, const std::string& room = "room") {
    auto link = std::make_shared<FakeLink>();
    const auto id = service->join({.room = room, .name = name, .protocol = "websocket"}, link);
    EXPECT_TRUE(id) << id.error().message;
    return {id.value_or(""), link};
  }
  Result<std::string> publish(const Member& who, const std::string& from = "chromium") {
    return service->publish("room", who.id, readSdp(from + "_publish_offer"), {});
  }
  /// Answers the offer that was sent last.
  Result<void> answer(const Member& who) {
    const auto offer = who.link->last("offer");
    if (offer.empty()) return std::unexpected(Refusal{0, "no_offer", "There was no offer."});
    return service->answer("room", who.id, static_cast<uint64_t>(offer.at("id").to_number<int64_t>()),
                           sdp::write(acceptAll(std::string(offer.at("sdp").as_string()))));
  }
  const Participant& at(const Member& who) const { return service->rooms().at("room").participants.at(who.id); }
  std::string code(const Result<void>& result) const { return result ? "" : result.error().code; }
};

}  // namespace penstock::test
