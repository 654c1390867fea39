#include "hrm/audited_gate.h"

#include <vector>

using namespace dormouse::hrm;

namespace {

using Event = AuditedGate::Event;

constexpr Promise kPromise{.target_error = 0.02, .delta = 0.05};

/// Audits that are all alike and right, which certify a copy whose lessons were alike, too.
std::size_t audits_to_certify(std::size_t fewest, double share) {
  const std::vector<Audit> lessons(160, Audit{0.5f, false});
  const auto thresholds = equal_shares(std::vector<float>(lessons.size(), 0.5f));
  Promise promise = kPromise;
  promise.delta *= share;
  const TestPlan plan{
      .always = true, .foreseen = 4 * fewest, .hopeful = hopeful(lessons, thresholds, promise.target_error)};
  for (std::size_t count = 8; count < 8 * fewest; count += 8)
    if (certify(std::vector<Audit>(count, lessons[0]), thresholds, promise, plan).threshold) return count;
  FAIL("never");
  return 0;
}

std::size_t audit_alike(AuditedGate& gate, const Signals& signals, Event event) {
  for (std::size_t i = 1; i <= 4000; ++i)
    if (gate.audited(signals, false) == event) return i;
  FAIL("did not happen");
  return 0;
}

/// Scores that nobody would have foreseen, and no audits.
void shift_scores(AuditedGate& gate) {
  Event event = Event::none;
  for (int i = 0; event == Event::none && i < 2000; ++i) event = gate.answered(0.1f);
  REQUIRE(event == Event::alarm);
}

}  // namespace

TEST_CASE("two copies that are tested after an alarm share delta", "[audited]") {
  const Signals easy{0.9f}, hard{0.1f};
  AuditedGate gate(kPromise);
  for (int i = 0; i < 500; ++i) gate.teach(easy, true), gate.teach(hard, false);
  for (int i = 0; i < 160; ++i) gate.audited(easy, false);
  const std::size_t fewest = gate.standing().needed;
  CHECK(audit_alike(gate, easy, Event::certified) == audits_to_certify(fewest, 1));
  shift_scores(gate);
  const std::size_t known = audits_to_certify(fewest, 0.1), fresh = audits_to_certify(fewest, 0.9);
  REQUIRE(fresh < known);
  REQUIRE(fresh > audits_to_certify(fewest, 1.1));
  SECTION("the copy that was in force has a tenth of it") {
    CHECK(audit_alike(gate, easy, Event::certified) == known);
  }
  SECTION("one that learns anew, from audits since, has the rest") {
    CHECK(audit_alike(gate, hard, Event::certified) == 160 + fresh);
  }
}

TEST_CASE("a doubt that ends is forgotten", "[audited]") {
  const Signals easy{0.9f};
  AuditedGate gate(kPromise);
  for (int i = 0; i < 500; ++i) gate.teach(easy, true);
  audit_alike(gate, easy, Event::certified);
  const auto doubt = [&] {
    while (gate.audit_share(0.05) == 0.05) REQUIRE(gate.answered(0.1f) == Event::none);
  };
  doubt();
  for (int i = 0; i < 5; ++i) gate.audited(easy, false);
  while (gate.standing().alarm > 0) REQUIRE(gate.answered(1.0f) == Event::none);
  doubt();
  gate.audited(easy, false);
  shift_scores(gate);
  CHECK(gate.standing().gathered == 1);
}

TEST_CASE("doubt ends with what was doubted", "[audited]") {
  const Signals easy{0.9f};
  AuditedGate gate(kPromise), back(kPromise);
  for (int i = 0; i < 500; ++i) gate.teach(easy, true);
  audit_alike(gate, easy, Event::certified);
  while (gate.audit_share(0.05) == 0.05) REQUIRE(gate.answered(0.1f) == Event::none);
  back.restore(gate.save());
  CHECK(back.doubts() == gate.doubts());
  gate.begin_anew();
  CHECK(gate.audit_share(0.05) == 0.05);
  REQUIRE_NOTHROW(back.restore(gate.save()));
  CHECK(back.doubts() == gate.doubts());
  CHECK(back.judge()->rule == Judge::Rule::fixed);
}

TEST_CASE("audits from before what is alarming do not test the copy that was in force", "[audited]") {
  const Signals easy{0.9f}, hard{0.1f};
  AuditedGate gate(kPromise);
  for (int i = 0; i < 500; ++i) gate.teach(easy, true), gate.teach(hard, false);
  audit_alike(gate, easy, Event::certified);
  while (gate.audit_share(0.05) == 0.05) REQUIRE(gate.audited(easy, true) == Event::none);
  for (int i = 0; i < 20; ++i) gate.audited(hard, false);  // not accepted: the doubt lasts
  REQUIRE(gate.standing().alarm >= 0.3);
  shift_scores(gate);
  CHECK(gate.standing().gathered < 20);
}
