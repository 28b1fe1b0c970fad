// penstockctl: what is programmed, what is counted, and who is alive; read from shared memory, changing nothing.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>
#include <boost/program_options.hpp>

#include "config/config.h"
#include "control/seam/inspect.h"
#include "control/seam/monotonic.h"
#include "control/seam/region_file.h"
#include "daemon/exit_codes.h"

namespace {

using namespace penstock;
using boost::json::object;

constexpr const char* kUsage =
    "penstockctl [options] COMMAND\n"
    "\n"
    "  tables   the rows that penstockd has programmed: transports, tracks, subscriptions\n"
    "  drops    every counter by name, and whether all packets are accounted for\n"
    "  cycles   how many CPU cycles a packet takes, by stage of the packet path\n"
    "  status   whether both daemons live, and what waits between them\n"
    "\n"
    "Exit status: 0; 1 when packets are unaccounted for; 64 for a wrong command line; 69 when a daemon is not there.\n";

struct Command {
  std::string name;
  std::string directory;
  bool json = false;
  bool nonzero = false;
};

/// A command line that is wrong: what to say.
struct UsageError {
  std::string message;
};

Command parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Command command;
  po::options_description options("Options");
  options.add_options()("help,h", "say this")("version", "say which release this is")(
      "directory,d", po::value(&command.directory)->default_value(SeamConfig().directory),
      "where the regions are: seam.directory of the daemons")("json,j", po::bool_switch(&command.json), "print JSON")(
      "nonzero,n", po::bool_switch(&command.nonzero), "drops: only counters that counted something");
  po::options_description all = options;
  all.add_options()("command", po::value(&command.name));
  po::positional_options_description positional;
  positional.add("command", 1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError{error.what()};
  }
  if (values.count("help")) {
    std::cout << kUsage << '\n' << options;
    std::exit(kExitOk);
  }
  if (values.count("version")) {
    std::cout << "penstockctl " PENSTOCK_VERSION "\n";
    std::exit(kExitOk);
  }
  if (command.name != "tables" && command.name != "drops" && command.name != "cycles" && command.name != "status")
    throw UsageError{command.name.empty() ? "which command?" : "there is no command '" + command.name + "'"};
  return command;
}

std::string cell(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_bool()) return value.as_bool() ? "yes" : "no";
  return boost::json::serialize(value);
}

/// Flat objects as columns; the first one names them.
void printRows(const boost::json::array& rows) {
  if (rows.empty()) return;
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& member : rows[0].as_object()) lines[0].emplace_back(member.key());
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& member : row.as_object()) line.push_back(cell(member.value()));
  }
  std::vector<size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string out;
    for (size_t i = 0; i < line.size(); ++i)
      out += fmt::format("{:{}}  ", line[i], i + 1 < line.size() ? widths[i] : 0);
    out.erase(out.find_last_not_of(' ') + 1);
    std::cout << "  " << out << '\n';
  }
}

void printMembers(const object& members) {
  for (const auto& member : members)
    std::cout << fmt::format("  {:20}  {}\n", std::string(member.key()), cell(member.value()));
}

int notThere(const std::string& why) {
  std::cerr << "penstockctl: " << why << '\n';
  return kExitUnavailable;
}

template <class Region>
std::expected<Mapping, std::string> attach(const Command& command, std::string_view file, uint64_t magic) {
  return mapReadOnly(command.directory + "/" + std::string(file), magic, sizeof(Region));
}

template <class Region>
const Region* regionOf(const std::expected<Mapping, std::string>& mapping) {
  return mapping ? static_cast<const Region*>(mapping->data()) : nullptr;
}

int printTables(const Command& command, const contract::TablesRegion& tables, const contract::ReportsRegion* reports) {
  const object out = inspectTables(tables, reports);
  if (command.json) {
    std::cout << out << '\n';
    return kExitOk;
  }
  for (const auto& table : out) {
    std::cout << std::string(table.key()) << ": " << table.value().as_array().size() << '\n';
    printRows(table.value().as_array());
  }
  return kExitOk;
}

bool isBalanced(const object& drops) {
  return drops.at("receive").at("difference").as_int64() == 0 && drops.at("send").at("difference").as_int64() == 0;
}

int printDrops(const Command& command, const contract::ReportsRegion& reports) {
  // A running worker may be in the middle of a burst: look until it is between two.
  object drops = inspectDrops(reports);
  for (int i = 0; i < 200 && !isBalanced(drops); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    drops = inspectDrops(reports);
  }
  if (command.nonzero) {
    auto& counters = drops.at("counters").as_array();
    boost::json::array counted;
    for (const auto& counter : counters) {
      if (counter.at("value").to_number<uint64_t>() != 0) counted.push_back(counter);
    }
    counters = std::move(counted);
  }
  const bool balanced = isBalanced(drops);
  if (command.json) {
    drops["balanced"] = balanced;
    std::cout << drops << '\n';
    return balanced ? kExitOk : kExitFailure;
  }
  printRows(drops.at("counters").as_array());
  std::cout << '\n';
  for (const char* sum : {"receive", "send"}) {
    std::cout << sum << '\n';
    printMembers(drops.at(sum).as_object());
  }
  std::cout << (balanced ? "every packet is accounted for\n" : "packets are unaccounted for: see the differences\n");
  return balanced ? kExitOk : kExitFailure;
}

int printCycles(const Command& command, const contract::ReportsRegion& reports) {
  const object cycles = inspectCycles(reports);
  if (command.json) {
    std::cout << cycles << '\n';
    return kExitOk;
  }
  std::cout << fmt::format("one burst of many is measured; {} cycles are a second\n", cell(cycles.at("cycles_hz")));
  for (const auto& worker : cycles.at("workers").as_array()) {
    std::cout << "worker " << cell(worker.at("worker")) << '\n';
    printRows(worker.at("stages").as_array());
  }
  return kExitOk;
}

int printStatus(const Command& command, const contract::TablesRegion* tables, const contract::ReportsRegion* reports) {
  const object status = inspectStatus(tables, reports, monotonicNs());
  const auto lives = [&](const char* daemon) {
    const object& part = status.at(daemon).as_object();
    return part.at("present").as_bool() && part.at("alive").as_bool();
  };
  if (command.json) {
    std::cout << status << '\n';
  } else {
    for (const auto& part : status) {
      std::cout << std::string(part.key()) << '\n';
      printMembers(part.value().as_object());
    }
  }
  return lives("control") && lives("dataplane") ? kExitOk : kExitUnavailable;
}

int run(const Command& command) {
  const auto tables_file = attach<contract::TablesRegion>(command, contract::kTablesFile, contract::kTablesMagic);
  const auto reports_file = attach<contract::ReportsRegion>(command, contract::kReportsFile, contract::kReportsMagic);
  const auto* tables = regionOf<contract::TablesRegion>(tables_file);
  const auto* reports = regionOf<contract::ReportsRegion>(reports_file);
  if (command.name == "tables") return tables ? printTables(command, *tables, reports) : notThere(tables_file.error());
  if (command.name == "cycles") return reports ? printCycles(command, *reports) : notThere(reports_file.error());
  if (command.name == "drops") return reports ? printDrops(command, *reports) : notThere(reports_file.error());
  for (const auto* file : {&tables_file, &reports_file}) {
    if (!*file) std::cerr << "penstockctl: " << file->error() << '\n';
  }
  return printStatus(command, tables, reports);
}

}  // namespace

int main(int argc, char** argv) try { return run(parse(argc, argv)); } catch (const UsageError& error) {
  std::cerr << "penstockctl: " << error.message << "\n\n" << kUsage;
  return kExitUsage;
} catch (const std::exception& error) {
  std::cerr << "penstockctl: " << error.what() << '\n';
  return kExitFailure;
}
