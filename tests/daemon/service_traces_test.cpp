// Audits that are recorded, to be replayed.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "hrm/trace.h"
#include "learning/files.h"
#include "tests/daemon/advised.h"

namespace dormouse::daemon {
namespace {

using Catch::Contains;

}  // namespace

TEST_CASE("a daemon does not start where its audits cannot be recorded", "[routing]") {
  Advised device;
  const std::string traces = device.folder.file("traces");
  device.options.hrm.trace = traces;
  const auto refused = [&](const std::string& why) {
    try {
      device.start();
      FAIL("it started");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == Errc::configuration);
      CHECK_THAT(failure.error().context, Contains(traces + "/colours.jsonl") && Contains(why));
    }
  };
  std::ofstream(traces) << "a file";
  refused("Not a directory");
  std::filesystem::remove(traces);
  std::filesystem::create_directories(traces + "/colours.jsonl");
  refused("Is a directory");
  std::filesystem::remove(traces + "/colours.jsonl");
  std::ofstream(traces + "/colours.jsonl") << "other text\n";
  refused("is no trace");
}

TEST_CASE("that audits are not recorded is said once, and that they are again", "[routing]") {
  Advised device;
  const std::string traces = device.folder.file("traces"), errors = device.folder.file("errors");
  device.options.hrm.target_error.reset();
  device.options.hrm.trace = traces;
  device.options.hrm.trace_limit = {300};  // so that each line begins a file
  device.start();
  const auto lines_with = [&](const std::string& words) {
    std::ifstream file(errors);
    std::string line;
    int lines = 0;
    while (std::getline(file, line)) lines += line.find(words) != std::string::npos;
    return lines;
  };
  const auto live = [&] {
    device.live(5);
    device.running->on_storage([] {});
  };
  live();
  const int terminal = ::dup(STDERR_FILENO), file = ::open(errors.c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(file, STDERR_FILENO);
  std::filesystem::remove_all(traces);
  std::ofstream(traces) << "a file";
  live();
  live();
  std::filesystem::remove(traces);
  live();
  ::dup2(terminal, STDERR_FILENO);
  ::close(terminal);
  ::close(file);
  CHECK(lines_with("are not recorded") == 1);
  CHECK(lines_with("Not a directory") == 1);
  CHECK(lines_with("are recorded again") == 1);
}

TEST_CASE("audits are recorded as a trace that can be replayed", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.trace = device.folder.file("traces");
  device.start();
  device.live(60);
  CHECK(device.rule() == "fixed");
  device.running->on_storage([] {});
  const auto read = [&] {
    std::ifstream lines(device.folder.file("traces/colours.jsonl"));
    return hrm::read_trace(lines, "colours.jsonl");
  };
  const hrm::Trace trace = read();
  CHECK(trace.requests.size() == 60);
  CHECK(trace.truths == 0);
  CHECK(std::ranges::all_of(trace.requests, [](const hrm::TracedRequest& request) {
    return request.signals[hrm::kConfidence] > 0 && request.low_us > 0 && request.high_us > 0;
  }));
  CHECK_NOTHROW(hrm::replay(trace.requests, {.promise = {.target_error = 0.2}, .audits = 20, .splits = 5}));
  const auto id = device.running->ask(device.crowd(1)).ids.at(0);
  device.running->wait(device.running->service().teach("colours", id, "blue"));  // before it is audited
  device.audit();
  device.running->on_storage([] {});
  const hrm::Trace told = read();
  REQUIRE(told.requests.size() == 61);
  CHECK(told.truths == 1);
  CHECK_FALSE(told.requests[60].low_right);
  CHECK_FALSE(told.requests[60].high_right);
}

}  // namespace dormouse::daemon
