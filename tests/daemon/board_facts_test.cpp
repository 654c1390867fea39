#include "daemon/verbs/board_facts.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/verbs/verb.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using namespace std::string_literals;

/// The root of a board's file system.
struct Root {
  TemporaryFolder folder;
  void set(const std::string& file, const std::string& content) const {
    const std::filesystem::path path = folder.file(file);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content;
  }
  json::object facts() const { return board_facts(folder.file("")); }
  json::object state() const { return board_state(folder.file("")); }
};

}  // namespace

TEST_CASE("a report says what board it was made on", "[bench]") {
  const Root root;
  root.set("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0"s);
  root.set("proc/device-tree/serial-number", "10000000abcdef01\0"s);
  root.set("etc/hostname", "bedroom\n");
  root.set("etc/os-release", "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  root.set("proc/meminfo", "MemTotal:        8245344 kB\nSwapTotal:        524272 kB\n");
  std::string cores;
  for (const char* const core : {"0", "1", "2", "3"}) {
    cores += "processor\t: ";
    cores += core;
    cores +=
        "\nFeatures\t: fp asimd evtstrm aes asimdhp asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n\n";
  }
  root.set("proc/cpuinfo",
           cores + "Serial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n");
  root.set("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n");
  root.set("sys/devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq", "2400000\n");
  const json::object facts = root.facts();
  CHECK(facts.at("model") == "Raspberry Pi 5 Model B Rev 1.0");
  CHECK(facts.at("system") == "Debian GNU/Linux 12 (bookworm)");
  CHECK(facts.at("memory_bytes") == 8245344ull * 1024);
  const json::object& processor = facts.at("processor").as_object();
  CHECK(processor.at("cores") == 4);
  CHECK(processor.at("parts") == "0xd0b");
  CHECK(processor.at("features") == "asimdhp, asimddp");
  CHECK(processor.at("governor") == "ondemand");
  CHECK(processor.at("highest_mhz") == 2400);
  const std::string all = json::serialize(facts);
  for (const char* secret : {"abcdef01", "bedroom"}) CHECK(all.find(secret) == all.npos);
}

TEST_CASE("a report says how warm a board is and whether it throttles", "[bench]") {
  const Root root;
  CHECK(root.state().empty());
  root.set("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  root.set("sys/class/thermal/thermal_zone0/temp", "81234\n");
  root.set("sys/class/thermal/cooling_device0/type", "cpufreq\n");
  root.set("sys/class/thermal/cooling_device0/cur_state", "2\n");
  root.set("sys/class/thermal/cooling_device0/max_state", "9\n");
  root.set("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n");
  root.set("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "7\n");
  root.set("sys/devices/platform/soc/soc:firmware/get_throttled", "50004\n");
  const json::object state = root.state();
  CHECK(state.at("temperatures") == "cpu-thermal 81 °C");
  CHECK(state.at("clocks_mhz") == "1500");
  CHECK(state.at("cooling") == "cpufreq 2 of 9");
  CHECK(state.at("times_throttled") == 7);
  CHECK(state.at("throttling") == "under-voltage since it was switched on, throttled now");
  root.set("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n");
  CHECK(root.state().at("throttling") == "none");
}

TEST_CASE("bench reports every family and the models it is given, by each driver", "[bench]") {
  const TemporaryFolder folder;
  std::ostringstream out;
  std::streambuf* const old = std::cout.rdbuf(out.rdbuf());
  const int code = run_command_line(
      std::vector<std::string>{"bench", "--report", folder.file("board.json"), "--runs", "1", "--json"});
  std::cout.rdbuf(old);
  REQUIRE(code == kOk);
  std::ifstream file(folder.file("board.json"));
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  CHECK(written == out.str());
  const json::value report = json::parse(written);
  CHECK(report.at("board").at("processor").at("cores").to_number<int>() > 0);
  const json::array& lines = report.at("latencies").as_array();
  const auto has = [&](std::string_view model, std::string_view driver) {
    return std::ranges::any_of(lines, [&](const json::value& line) {
      return line.at("model").as_string() == model && line.at("driver").as_string() == driver;
    });
  };
  for (const char* family : {"mlp", "cnn", "lstm", "transformer", "linoss", "bitnet"}) {
    INFO(family);
    CHECK((has(family, "xnnpack") && has(family, "reference")));
  }
  for (const json::value& line : lines) CHECK(line.at("p50_us").to_number<double>() > 0);
}

}  // namespace dormouse::daemon
