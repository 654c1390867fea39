// The cases that ONNX ships (Debian: libonnx-testdata), through the importer and a session. Each is expected
// to pass unless unsupported.tsv names it, and then it must not: whoever makes a case pass strikes its line.

#include <catch2/catch.hpp>
#include <iomanip>
#include <set>
#include <sstream>

#include "drivers/all_drivers.h"
#include "tests/conformance/onnx_cases.h"

namespace dormouse::engine::conformance {
namespace {

struct Tally {
  std::size_t passed = 0, all = 0, claimed = 0;
};

std::string_view word(Outcome::Kind kind) {
  if (kind == Outcome::Kind::passes) return "passes";
  return kind == Outcome::Kind::refused ? "refused" : "differs";
}

// What is wrong with the outcome of a case, or "".
std::string complaint(const Outcome& outcome, const Unsupported* listed) {
  const bool passes = outcome.kind == Outcome::Kind::passes;
  if (!listed && passes) return "";
  if (!listed)
    return outcome.what + " (it " + std::string(word(outcome.kind)) + " and is not in unsupported.tsv)";
  if (passes) return "passes: strike its line from unsupported.tsv";
  if (word(outcome.kind) == listed->how) return "";
  return "is listed as " + listed->how + " in unsupported.tsv, but: " + outcome.what;
}

std::string summary(const std::map<std::string, Tally>& tiers) {
  std::ostringstream text;
  text << "cases that pass, by tier (nodes computed by drivers):";
  for (const auto& [tier, tally] : tiers) {
    text << "\n  " << std::left << std::setw(30) << tier << std::right << std::setw(4) << tally.passed
         << " of " << std::setw(4) << tally.all;
    if (tally.claimed > 0) text << " (" << tally.claimed << ")";
  }
  return text.str();
}

}  // namespace

TEST_CASE("ONNX's own cases pass, but those that are listed", "[onnx]") {
  if (!onnx_cases_installed()) {
    WARN("libonnx-testdata is not installed: nothing is checked");
    return;
  }
  const std::map<std::string, Unsupported> unsupported = unsupported_cases();
  std::map<std::string, Tally> tiers;
  for (const OnnxCase& item : onnx_cases()) {
    const Outcome outcome = run_case(item, {});
    const auto listed = unsupported.find(item.name);
    const std::string wrong = complaint(outcome, listed == unsupported.end() ? nullptr : &listed->second);
    Tally& tally = tiers[item.tier];
    ++tally.all;
    if (!wrong.empty()) FAIL_CHECK(item.name << " " << wrong);
    if (outcome.kind != Outcome::Kind::passes) continue;
    ++tally.passed;
    const Outcome driven = run_case(item, drivers::all_drivers());
    if (driven.kind != Outcome::Kind::passes) FAIL_CHECK(item.name << " on drivers: " << driven.what);
    tally.claimed += driven.claimed;
  }
  WARN(summary(tiers));
}

TEST_CASE("unsupported.tsv names cases there are", "[onnx]") {
  std::set<std::string> names;
  for (const OnnxCase& item : onnx_cases()) names.insert(item.name);
  for (const auto& [name, reason] : unsupported_cases()) {
    INFO(name);
    CHECK(names.contains(name));
    CHECK_FALSE(reason.why.empty());
  }
}

}  // namespace dormouse::engine::conformance
