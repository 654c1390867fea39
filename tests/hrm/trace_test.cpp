#include "hrm/trace.h"

#include <sstream>

#include "config/error.h"

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

const std::string kHeader = R"({"format": "dormouse-trace", "version": 1})";
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
  CHECK(trace.truth);
  REQUIRE(trace.requests.size() == 2);
  const TracedRequest& first = trace.requests[0];
  CHECK(first.signals == Signals{0.5f, 0, 0, 0.25f});
  CHECK(first.low_right);
  CHECK_FALSE(first.high_right);
  CHECK(first.low_us == 10.5);
  CHECK(first.high_us == 90);
  CHECK_FALSE(trace.requests[1].low_right);
}

TEST_CASE("without a truth the high model is right", "[trace]") {
  const Trace trace = read(kHeader + "\n" + kRequest);
  CHECK_FALSE(trace.truth);
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
      {R"({"format": "dormouse-trace", "version": 2})", "only version 1"},
      {kHeader + "\n[]", "line 2: a request must be an object"},
      {kHeader + "\n" + kRequest + "\n\n", "line 3: this is no JSON"},
      {kHeader + "\n" + sure + high, "\"low\" is missing"},
      {kHeader + "\n" + R"({"signals": {}, )" + low + high, "\"confidence\" is missing"},
      {kHeader + "\n" + R"({"signals": {"confidence": 1, "mood": 1}, )" + low + high, "no signal \"mood\""},
      {kHeader + "\n" + R"({"signals": {"confidence": 1e99}, )" + low + high, "must be a number"},
      {kHeader + "\n" + sure + R"("low": {"label": 1.5, "us": 1}, )" + high, "a whole number or a string"},
      {kHeader + "\n" + sure + R"("low": {"label": 1, "us": -1}, )" + high, "must not be negative"},
      {kHeader + "\n" + sure + R"("medium": 1, )" + low + high, "\"medium\" is unknown"},
      {kHeader + "\n" + kRequest + "\n" + sure + R"("truth": 1, )" + low + high, "line 3: either all"},
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
