#include "bench/suite/command.h"

#include <iostream>

#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/variables_map.hpp>

namespace penstock::bench {

namespace po = boost::program_options;

CommandLine::CommandLine(std::string name, std::string what, const po::options_description& options)
    : name_(std::move(name)), what_(std::move(what)), options_(110) {
  options_.add(options);
}

bool CommandLine::parse(int argc, char** argv, std::vector<std::string>* rest, const char* rest_name) {
  bool help = false;
  po::options_description common("Always", 110);
  common.add_options()("json", po::value(&json_), "write the result to this file, for plan and report");
  common.add_options()("help,h", po::bool_switch(&help), "this text");
  options_.add(common);
  po::options_description all;
  all.add(options_);
  po::positional_options_description positional;
  if (rest != nullptr) {
    all.add_options()("rest", po::value(rest));
    positional.add("rest", -1);
  }
  try {
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    std::cerr << "penstock-bench " << name_ << ": " << error.what() << "; --help says more\n";
    exit_code_ = kExitUsage;
    return false;
  }
  if (!help) return true;
  std::cout << "penstock-bench " << name_ << " [options]" << (rest != nullptr ? std::string(" ") + rest_name : "")
            << "\n\n"
            << what_ << "\n"
            << options_;
  return false;
}

}  // namespace penstock::bench
