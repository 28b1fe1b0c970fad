// The page: everything is in it, nothing is loaded, and names cannot break it.
#include "bench/suite/report_page.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "bench/suite/svg.h"

namespace penstock::bench {
namespace {

size_t countOf(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

boost::json::object forwardFile() {
  return boost::json::parse(R"({"penstock_bench": 1, "kind": "forward", "began": "2026-01-01T00:00:00Z",
    "machine": {"cpu": "Model <X>", "cores": 2, "tsc_ghz": 2.6, "flags": ["vaes"], "dpdk": "22.11"},
    "quiet": {"stolen_percent": 0.5, "load_average": 1.2},
    "results": [{"name": "webinar 1 x 50 & more", "receivers": 50, "ratio_to_alone": 0.71,
      "alone_out_per_second": 900000, "ndr": {"out_per_second": 640000, "min": 630000, "max": 655000,
      "generator_limited": false, "trial": {"gbit_out": 6.4, "cycles_per_packet_out": 4000, "busy_share": 0.98}},
      "pdr": {"out_per_second": 700000}, "drops_of_all_trials": {"send_queue_full": 1234}}]})")
      .as_object();
}

TEST(Report, holds_the_figures_the_machine_and_the_plot) {
  const std::string page = reportPage({forwardFile()});
  for (const char* wanted : {"640,000", "630,000 to 655,000", "700,000", "71 %", "send_queue_full 1,234", "2.6 GHz",
                             "22.11", "0.50 %", "<svg", "webinar 1 x 50 &amp; more", "Model &lt;X&gt;"}) {
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  }
  EXPECT_EQ(countOf(page, "<rect"), 1u);
}

TEST(Report, loads_nothing_and_runs_nothing) {
  const std::string page = reportPage({forwardFile()});
  for (const char* unwanted : {"<script", "http:", "https:", "src=", "href=", "url("}) {
    EXPECT_EQ(page.find(unwanted), std::string::npos) << unwanted;
  }
  for (const char* element : {"table", "figure", "svg", "h2", "p"}) {
    const std::string open = std::string("<") + element;
    EXPECT_EQ(countOf(page, open + ">") + countOf(page, open + " "), countOf(page, std::string("</") + element + ">"))
        << element;
  }
}

TEST(Report, says_when_machines_differ) {
  auto other = forwardFile();
  other["machine"].as_object()["cpu"] = "Y";
  EXPECT_EQ(reportPage({forwardFile(), forwardFile()}).find("different machines"), std::string::npos);
  EXPECT_NE(reportPage({forwardFile(), other}).find("different machines"), std::string::npos);
}

TEST(Report, every_kind_has_a_section_also_when_it_is_empty) {
  for (const char* kind : {"forward", "cores", "latency", "idle", "surge", "joins", "plan", "micro"}) {
    EXPECT_NE(reportSection({{"kind", kind}, {"results", boost::json::array()}}).find("<h2>"), std::string::npos)
        << kind;
  }
  EXPECT_EQ(reportSection({{"kind", "unheard of"}}), "");
}

TEST(Svg, scales_are_round_and_cover_the_largest) {
  for (const double max : {0.0, 0.7, 1.0, 9.9, 123.0, 655'000.0}) {
    const std::vector<double> ticks = linearTicks(max);
    EXPECT_GE(ticks.back(), max);
    EXPECT_LE(ticks.size(), 9u) << max;
    EXPECT_GE(ticks.size(), 4u) << max;
  }
  EXPECT_EQ(linearTicks(10), (std::vector<double>{0, 2, 4, 6, 8, 10}));
}

TEST(Svg, numbers_are_short) {
  EXPECT_EQ(shortNumber(0), "0");
  EXPECT_EQ(shortNumber(12.34), "12.3");
  EXPECT_EQ(shortNumber(656'000), "656 k");
  EXPECT_EQ(shortNumber(1'250'000), "1.25 M");
}

TEST(Svg, lines_without_points_or_with_zeros_on_a_logarithmic_scale_draw_nothing_absurd) {
  for (const bool logarithmic : {false, true}) {
    const std::string svg =
        lineChart({{"none", {}}, {"zeros", {{0, 0}, {1, 0}}}}, {"x", false, {}}, {"y", logarithmic, {}});
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
  }
}

}  // namespace
}  // namespace penstock::bench
