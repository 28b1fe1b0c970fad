// Who goes where there are too many connections.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "control/api/connection.h"

namespace penstock::test {
namespace {

struct Crowd {
  struct Each : Connection {
    bool gone = false;
    void stop() override {}
    void abort() override { gone = true; }
  };
  ConnectionLimits limits;
  std::deque<Each> all;

  /// nullptr: there was no room.
  Each* come(const std::string& address) {
    const auto place = ConnectionLimits::placeOf(boost::asio::ip::make_address(address));
    if (!limits.makeRoom(place)) return nullptr;
    limits.add(&all.emplace_back(), place);
    return &all.back();
  }
  size_t left() const {
    return static_cast<size_t>(std::count_if(all.begin(), all.end(), [](const Each& each) { return !each.gone; }));
  }
};

TEST(ConnectionLimits, an_address_has_its_share_and_its_longest_unserved_goes_first) {
  Crowd crowd{ConnectionLimits(1000), {}};  // 25 for an address
  std::vector<Crowd::Each*> own;
  for (int i = 0; i < 25; ++i) own.push_back(crowd.come("198.18.0.1"));
  auto* other = crowd.come("198.18.0.2");
  EXPECT_EQ(crowd.left(), 26u);
  crowd.limits.served(own[0]);
  crowd.come("198.18.0.1");
  EXPECT_TRUE(own[1]->gone);
  EXPECT_FALSE(own[0]->gone || own[2]->gone || other->gone);
  crowd.limits.trust(own[2]);
  crowd.come("198.18.0.1");
  EXPECT_FALSE(own[2]->gone || own[3]->gone) << "who has a token is not counted";
  crowd.limits.remove(own[24]);
  crowd.come("198.18.0.1");
  EXPECT_FALSE(own[3]->gone) << "who left makes room";
  crowd.come("198.18.0.1");
  EXPECT_TRUE(own[3]->gone);
  EXPECT_FALSE(other->gone);
}

TEST(ConnectionLimits, a_site_of_ipv6_is_one_address) {
  Crowd crowd{ConnectionLimits(100), {}};  // 16 for an address
  for (int i = 0; i < 20; ++i) crowd.come("2001:db8::" + std::to_string(i) + ":0:0:1");
  EXPECT_EQ(crowd.left(), 16u);
  crowd.come("2001:db8:0:1::1");
  EXPECT_EQ(crowd.left(), 17u);
}

TEST(ConnectionLimits, a_tenth_is_kept_from_strangers_and_tokens_may_take_all) {
  Crowd crowd{ConnectionLimits(20), {}};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(crowd.come("198.18.1." + std::to_string(i)));
  EXPECT_EQ(crowd.left(), 18u);
  for (int i = 0; i < 20; ++i) {
    auto* each = crowd.come("198.18.2." + std::to_string(i));
    ASSERT_TRUE(each) << i;
    crowd.limits.trust(each);
  }
  EXPECT_EQ(crowd.left(), 20u);
  EXPECT_FALSE(crowd.come("198.18.3.1")) << "nobody goes who has a token";
}

}  // namespace
}  // namespace penstock::test
