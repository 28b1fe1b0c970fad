// Results of a run beside the figures that are wanted: which is taken for which, and whether it is reached.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/suite/figures.h"
#include "bench/suite/report_page.h"

namespace penstock::bench {
namespace {

namespace json = boost::json;

json::object forwardResult(const char* workload, int size, int keys, const char* profile, const char* backend,
                           double ndr) {
  return {{"workload", workload},
          {"size", size},
          {"keys", keys},
          {"payload_bytes", 1200},
          {"workers", 1},
          {"profile", profile},
          {"backend", backend},
          {"ratio_to_alone", 0.5},
          {"alone_is", "ipsec-mb itself"},
          {"ndr", json::object{{"out_per_second", ndr}, {"generator_limited", false}}}};
}

json::object file(const char* kind, json::array results) {
  return {{"kind", kind}, {"results", std::move(results)}};
}

const Figure& find(const std::vector<Figure>& figures, const std::string& part) {
  const auto found =
      std::ranges::find_if(figures, [&](const Figure& f) { return f.name.find(part) != std::string::npos; });
  if (found == figures.end()) throw std::runtime_error("no figure " + part);
  return *found;
}

TEST(Wanted, what_was_not_measured_is_said_to_be_so) {
  const std::vector<Figure> figures = figuresOf({});
  EXPECT_GE(figures.size(), 14u);
  for (const Figure& figure : figures) {
    EXPECT_TRUE(figure.measured.empty()) << figure.name;
    EXPECT_FALSE(figure.reached.has_value()) << figure.name;
    EXPECT_FALSE(figure.wanted.empty()) << figure.name;
  }
  EXPECT_EQ(describe(figures)[0].as_object().at("measured").as_string(), "not measured");
}

TEST(Wanted, rates_are_those_of_the_very_shape_that_is_asked_for) {
  const auto figures = figuresOf({file("forward", {forwardResult("webinar", 50, 0, "gcm", "ipsec-mb", 9e6),
                                                   forwardResult("webinar", 10, 1000, "gcm", "ipsec-mb", 9e6),
                                                   forwardResult("meeting", 50, 1000, "gcm", "ipsec-mb", 9e6),
                                                   forwardResult("webinar", 50, 1000, "gcm", "libsrtp", 5e4),
                                                   forwardResult("webinar", 50, 1000, "gcm", "ipsec-mb", 1.5e6),
                                                   forwardResult("webinar", 50, 1000, "cm", "ipsec-mb", 0.5e6)})});
  EXPECT_EQ(find(figures, "no loss: AEAD").reached, true);
  EXPECT_NE(find(figures, "no loss: AEAD").measured.find("1.5 M"), std::string::npos);
  EXPECT_EQ(find(figures, "no loss: AES_CM").reached, false);
  EXPECT_EQ(find(figures, "of what ipsec-mb alone").reached, false) << "50 % where 70 % is wanted";
  EXPECT_EQ(find(figures, "against libsrtp, forwarding 1 x 50, 1000 keys: AEAD").measured, "30.0 times");
  EXPECT_FALSE(find(figures, "against libsrtp, forwarding 1 x 50, 1000 keys: AES_CM").reached.has_value());
}

TEST(Wanted, in_the_clear_either_the_rate_or_the_share_of_macswap_will_do) {
  struct Case {
    double ndr, swapped;
    bool reached;
  };
  for (const Case& c : {Case{2.1e6, 5e6, true}, Case{1.7e6, 2e6, true}, Case{1.5e6, 2e6, false}}) {
    json::object forward = file("forward", {forwardResult("webinar", 50, 1000, "null", "ipsec-mb", c.ndr)});
    forward["mac_swap"] = json::object{{"program", "testpmd"}, {"per_second", c.swapped}};
    EXPECT_EQ(find(figuresOf({forward}), "null cipher").reached, c.reached) << c.ndr;
  }
}

TEST(Wanted, two_workers_by_the_clock_or_by_cycles) {
  const auto cores = [](double speedup, double by_cycles) {
    return figuresOf({file("cores", {json::object{{"workers", 2},
                                                  {"subscriptions", 2000},
                                                  {"tracks", 1},
                                                  {"speedup", speedup},
                                                  {"speedup_by_cycles", by_cycles}}})});
  };
  EXPECT_EQ(find(cores(1.95, 1.8), "two workers").reached, true);
  EXPECT_EQ(find(cores(1.2, 1.92), "two workers").reached, true);
  EXPECT_EQ(find(cores(1.2, 1.8), "two workers").reached, false);
}

TEST(Wanted, cost_is_that_of_ten_thousand_subscriptions_against_ten) {
  json::array results;
  for (const auto& [subscriptions, cycles] : {std::pair{10, 500.0}, {100, 400.0}, {10'000, 800.0}}) {
    results.push_back(json::object{
        {"workers", 1}, {"size", 10}, {"subscriptions", subscriptions}, {"cycles_per_packet_out", cycles}});
  }
  const Figure figure = find(figuresOf({file("cores", results)}), "10,000 subscriptions");
  EXPECT_EQ(figure.measured, "1.60 times");
  EXPECT_EQ(figure.reached, false);
}

TEST(Wanted, the_page_begins_with_the_table) {
  const json::object suite{{"figures", describe(figuresOf({}))}};
  const std::string page = reportPage({}, figuresSection(suite));
  EXPECT_NE(page.find("<h2>The figures</h2>"), std::string::npos);
  EXPECT_NE(page.find("not measured"), std::string::npos);
  EXPECT_EQ(figuresSection({}), "");
}

}  // namespace
}  // namespace penstock::bench
