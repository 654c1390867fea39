#include "hrm/trace.h"

#include <fstream>
#include <sstream>

#include "config/error.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

const std::string kHeader = R"({"format": "dormouse-trace", "version": 2})";
const std::string kRequest =
    R"({"signals": {"confidence": 0.5}, "low": {"label": 1, "us": 10}, "high": {"label": 2, "us": 90}})";

Trace read(const std::string& text) {
  std::istringstream lines(text);
  return read_trace(lines, "trace.jsonl");
}

}  // namespace

TEST_CASE("a trace gives signals, who was right, and times", "[trace]") {
  const Trace trace = read(kHeader + R"(
{"signals": {"agreement": 0.25, "confidence": 0.5}, "low": {"label": "cat", "us": 10.5}, "high": {"label": "dog", "us": 90}, "truth": "cat"}
{"signals": {"confidence": 1}, "low": {"label": "cat", "us": 11}, "high": {"label": "dog", "us": 91}, "truth": "eel"}
)");
  CHECK(trace.truths == 2);
  REQUIRE(trace.requests.size() == 2);
  const TracedRequest& first = trace.requests[0];
  CHECK(first.signals == Signals{0.5f, 0, 0, 0.25f});
  CHECK(first.low_right);
  CHECK_FALSE(first.high_right);
  CHECK(first.low_us == 10.5);
  CHECK(first.high_us == 90);
  CHECK_FALSE(trace.requests[1].low_right);
  CHECK(trace.requests[1].refuted);
}

TEST_CASE("a trace of the version before is read, and what is written is not mixed with it", "[trace]") {
  const std::string before = R"({"format": "dormouse-trace", "version": 1})"
                             "\n" +
                             kRequest + "\n";
  CHECK(read(before).requests.size() == 1);
  const TemporaryFolder folder;
  const std::string file = folder.file("trace.jsonl");
  const std::string older = before + kRequest + "\n";
  std::ofstream(file + ".1") << older;
  for (const std::string& text : {before, older}) {
    std::ofstream(file) << text;
    TraceWriter(file, 1 << 20).write({.id = 1, .signals = Signals{0.5f}, .low = "a", .high = "b"});
    std::ifstream now(file);
    CHECK(read_trace(now, "now").requests.size() == 1);
  }
  const auto kept = [&](const char* name, std::size_t requests) {
    std::ifstream lines(file + name);
    CHECK(read_trace(lines, name).requests.size() == requests);
  };
  kept(".1", 2);
  kept(".v1", 1);
  kept(".v1.1", 2);
}

TEST_CASE("without a truth the high model is right", "[trace]") {
  const Trace trace = read(kHeader + "\n" + kRequest);
  CHECK(trace.truths == 0);
  REQUIRE(trace.requests.size() == 1);
  CHECK_FALSE(trace.requests[0].low_right);
  CHECK(trace.requests[0].high_right);
}

TEST_CASE("a line that is wrong is named, with the reason", "[trace]") {
  const std::string low = R"("low": {"label": 1, "us": 1}, )", high = R"("high": {"label": 1, "us": 1}})";
  const std::string sure = R"({"signals": {"confidence": 1}, )";
  struct Row {
    std::string text, reason;
  };
  const std::vector<Row> table{
      {"", "trace.jsonl: the file is empty"},
      {"{", "trace.jsonl, line 1: this is no JSON"},
      {kRequest, "line 1: \"format\" is missing"},
      {R"({"format": "dormouse-trace", "version": 3})", "only versions 1 and 2"},
      {kHeader + "\n[]", "line 2: a request must be an object"},
      {kHeader + "\n" + kRequest + "\n\n", "line 3: this is no JSON"},
      {kHeader + "\n" + sure + high, "\"low\" is missing"},
      {kHeader + "\n" + R"({"signals": {}, )" + low + high, "\"confidence\" is missing"},
      {kHeader + "\n" + R"({"signals": {"confidence": 1, "mood": 1}, )" + low + high, "no signal \"mood\""},
      {kHeader + "\n" + R"({"signals": {"confidence": 1e99}, )" + low + high, "must be a number"},
      {kHeader + "\n" + sure + R"("low": {"label": 1.5, "us": 1}, )" + high, "a whole number or a string"},
      {kHeader + "\n" + sure + R"("low": {"label": 1, "us": -1}, )" + high, "must not be negative"},
      {kHeader + "\n" + sure + R"("medium": 1, )" + low + high, "\"medium\" is unknown"},
      {kHeader + "\n" + kRequest + "\n" + sure + R"("id": "x", )" + low + high, "line 3: \"id\" must be"},
      {kHeader + "\n" + R"({"id": 1, "truth": []})", "line 2: \"truth\" must be"},
  };
  for (const Row& row : table) {
    INFO(row.text);
    try {
      read(row.text);
      FAIL("was read");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == Errc::corrupt);
      CHECK_THAT(failure.what(), Catch::Contains(row.reason));
    }
  }
}

TEST_CASE("what is written is read back, behind what was there", "[trace]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("trace.jsonl");
  RecordedRequest request{
      .id = 7, .signals = {0.9f, 0.8f, -3.5f, 1, 0.25f, 2, 0}, .low = "a \"b\"", .high = "c"};
  request.low_us = 12.25, request.high_us = 1e5 / 3;
  for (const char* torn : {"", "{\"signals\": {\"conf"}) {
    std::ofstream(file, std::ios::app) << torn;  // by a power cut
    TraceWriter(file, 1 << 20).write(request);
  }
  std::ifstream lines(file);
  const Trace trace = read_trace(lines, file);
  REQUIRE(trace.requests.size() == 2);
  const TracedRequest& back = trace.requests[1];
  CHECK(back.signals == request.signals);
  CHECK_FALSE(back.low_right);
  CHECK(back.low_us == request.low_us);
  CHECK(back.high_us == Approx(request.high_us));
}

TEST_CASE("a truth that is told later counts, and the last one does", "[trace]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("trace.jsonl");
  TraceWriter writer(file, 1 << 20);
  writer.write_truth(2, "b");
  for (std::uint64_t id = 1; id <= 3; ++id) writer.write({.id = id, .low = "a", .high = "b"});
  writer.write_truth(1, "b");
  writer.write_truth(1, "a");
  writer.write_truth(99, "a");
  std::ifstream lines(file);
  const Trace trace = read_trace(lines, file);
  REQUIRE(trace.requests.size() == 3);
  CHECK(trace.truths == 2);
  CHECK(trace.requests[0].low_right);
  CHECK_FALSE(trace.requests[0].high_right);
  CHECK_FALSE(trace.requests[1].low_right);
  CHECK(trace.requests[1].high_right);
  CHECK(trace.requests[2].high_right);
}

TEST_CASE("a trace takes no more than twice its limit", "[trace]") {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.file("trace.jsonl");
  TraceWriter writer(file, 1000);
  for (int i = 0; i < 100; ++i) writer.write({.id = 1, .low = "a", .high = "b"});
  CHECK(std::filesystem::file_size(file) <= 1000);
  CHECK(std::filesystem::file_size(file.string() + ".1") <= 1000);
  for (const std::string& name : {file.string(), file.string() + ".1"}) {
    std::ifstream lines(name);
    CHECK(read_trace(lines, name).requests.size() >= 1);
  }
}

TEST_CASE("a trace that cannot be written is told with the system's reason", "[trace]") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("plain")) << "text";
  TraceWriter inside(folder.file("plain/trace.jsonl"), 1 << 20), over(folder.path, 1 << 20);
  CHECK_THROWS_WITH(inside.open(),
                    Catch::Contains("plain/trace.jsonl") && Catch::Contains("Not a directory"));
  CHECK_THROWS_WITH(inside.write_truth(1, "a"), Catch::Contains("Not a directory"));
  CHECK_THROWS_WITH(over.open(), Catch::Contains("Is a directory"));
}

TEST_CASE("a file that is no trace is left alone", "[trace]") {
  const TemporaryFolder folder;
  for (const std::string text : {"dear diary\n", "dear diary"}) {
    std::ofstream(folder.file("diary")) << text;
    TraceWriter writer(folder.file("diary"), 1000);
    CHECK_THROWS_AS(writer.write({}), Failure);
    CHECK(std::filesystem::file_size(folder.file("diary")) == text.size());
  }
  TraceWriter nowhere(folder.file("diary/trace"), 1000);
  CHECK_THROWS_AS(nowhere.write({}), Failure);
}
