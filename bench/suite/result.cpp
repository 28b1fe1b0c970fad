#include "bench/suite/result.h"

#include <cmath>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "bench/suite/machine.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

std::string utcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

CpuTimes begun{};

}  // namespace

json::object beginResult(const std::string& kind, const json::object& settings) {
  begun = cpuTimes();
  return {{"penstock_bench", kResultVersion}, {"kind", kind},         {"began", utcNow()},
          {"machine", describeMachine()},     {"settings", settings}, {"results", json::array()}};
}

void finishResult(json::object& result, const std::string& path) {
  result["quiet"] = describeQuiet(begun, cpuTimes());
  if (path.empty()) return;
  std::ofstream file(path);
  file << json::serialize(result) << "\n";
  if (!file.flush()) throw std::runtime_error("could not write " + path);
}

json::object readResult(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("could not read " + path);
  json::error_code error;
  const json::value value = json::parse(text.str(), error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr || numberAt(*object, "penstock_bench") != kResultVersion) {
    throw std::runtime_error(path + " is no result of this version of penstock-bench");
  }
  return *object;
}

json::object delaysOf(const Histogram& delays) {
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1000; };
  json::array curve;
  for (const double percent : {0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999}) {
    curve.push_back(json::array{percent, us(delays.percentile(percent))});
  }
  return {{"count", delays.count()},
          {"min_us", us(delays.min())},
          {"mean_us", delays.mean() / 1000},
          {"p50_us", us(delays.percentile(50))},
          {"p90_us", us(delays.percentile(90))},
          {"p95_us", us(delays.percentile(95))},
          {"p99_us", us(delays.percentile(99))},
          {"p999_us", us(delays.percentile(99.9))},
          {"p9999_us", us(delays.percentile(99.99))},
          {"max_us", us(delays.max())},
          {"curve", curve}};
}

std::string grouped(double number) {
  const std::string digits = std::to_string(static_cast<long long>(std::llround(std::abs(number))));
  std::string text;
  if (number <= -0.5) text.push_back('-');
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

double numberAt(const json::object& object, const char* key, double otherwise) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return otherwise;
  if (value->is_double()) return value->get_double();
  if (value->is_int64()) return static_cast<double>(value->get_int64());
  if (value->is_uint64()) return static_cast<double>(value->get_uint64());
  return otherwise;
}

std::string textAt(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object& objectAt(const json::object& object, const char* key) {
  static const json::object none;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : none;
}

const json::array& arrayAt(const json::object& object, const char* key) {
  static const json::array none;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

}  // namespace penstock::bench
