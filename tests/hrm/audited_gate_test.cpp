#include "hrm/audited_gate.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <ranges>

#include "config/error.h"

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

using Event = AuditedGate::Event;
using Rule = Judge::Rule;

/// Requests whose cheap answer is wrong with probability `worst`·(1 − ease)^`steep`, where agreement is the
/// ease and confidence says nothing about it.
class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  struct Request {
    Signals signals{};
    bool wrong = false;
  };
  Request draw() {
    const double ease = uniform();
    Request request;
    request.signals[kConfidence] = static_cast<float>(uniform());
    request.signals[3] = static_cast<float>(ease);
    request.wrong = uniform() < worst_ * std::pow(1 - ease, steep_);
    return request;
  }
  /// One of the hard ones.
  Request draw_hard() {
    Request request = draw();
    while (request.signals[3] > 0.5f) request = draw();
    return request;
  }
  void shift() { worst_ = 0.9, steep_ = 3; }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  std::mt19937_64 random_;
  double worst_ = 0.3, steep_ = 6;
};

/// Audits until something happens; how many that took, at most `most`.
std::size_t audit_until(AuditedGate& gate, World& world, Event event, std::size_t most) {
  for (std::size_t i = 1; i <= most; ++i) {
    const World::Request request = world.draw();
    if (gate.audited(request.signals, request.wrong) == event) return i;
  }
  FAIL("did not happen");
  return 0;
}

struct Accepted {
  double share = 0, error = 0;
};

Accepted accepted(const Judge& judge, World& world, int requests = 20000) {
  double taken = 0, wrong = 0;
  for (int i = 0; i < requests; ++i) {
    const World::Request request = world.draw();
    if (judge.gate.score(request.signals) < judge.threshold) continue;
    ++taken, wrong += request.wrong;
  }
  return {taken / requests, taken > 0 ? wrong / taken : 0};
}

constexpr Promise kPromise{.target_error = 0.02, .delta = 0.05};

}  // namespace

TEST_CASE("the gate is certified by audits, and keeps its promise on other requests", "[audited]") {
  INFO("seed 5");
  World world(5);
  AuditedGate gate(kPromise);
  CHECK(gate.judge()->rule == Rule::fixed);
  CHECK(gate.standing().learning);
  const std::size_t audits = audit_until(gate, world, Event::certified, 2000);
  CHECK(audits < 1500);
  const Standing standing = gate.standing();
  CHECK(standing.rule == Rule::certified);
  REQUIRE(standing.certificate);
  CHECK(standing.certificate->bound <= kPromise.target_error);
  const auto judge = gate.judge();
  CHECK(judge->threshold == *standing.certificate->threshold);
  const Accepted first = accepted(*judge, world);
  CHECK(first.share > 0.2);
  CHECK(first.error <= kPromise.target_error);
  audit_until(gate, world, Event::certified, 4000);  // more audits, a laxer threshold
  const Accepted later = accepted(*gate.judge(), world);
  CHECK(later.share > first.share);
  CHECK(later.error <= kPromise.target_error);
}

TEST_CASE("a frozen gate is falsely certified in no more than delta of its lives", "[audited]") {
  int certified = 0;
  constexpr int kLives = 400;
  for (int life = 0; life < kLives; ++life) {
    std::mt19937_64 random(static_cast<std::uint64_t>(life));
    const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    AuditedGate gate({.target_error = 0.1, .delta = 0.1});
    // All scores are wrong just more often than promised; through all tests of the first copy.
    const std::size_t first = 55;
    bool ever = false;
    for (std::size_t i = 0; i < 160 + 8 * first; ++i) {
      Signals signals{};
      for (float& signal : signals) signal = static_cast<float>(uniform());
      ever |= gate.audited(signals, uniform() < 0.101) == Event::certified;
    }
    certified += ever;
  }
  INFO("seeds 0 to 399");
  CHECK(lower_limit(static_cast<std::size_t>(certified), kLives, 0.01) <= 0.1);
}

TEST_CASE("after a shift nothing is accepted until audits since have certified a gate anew", "[audited]") {
  INFO("seed 6");
  World world(6);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  world.shift();
  const std::size_t lag = audit_until(gate, world, Event::alarm, 4000);
  CHECK(lag < 1500);
  CHECK(gate.judge()->rule == Rule::strict);
  CHECK_FALSE(gate.standing().certificate);
  CHECK(gate.standing().alarms == 1);
  CHECK_FALSE(gate.standing().learning);
  audit_until(gate, world, Event::certified, 30000);
  CHECK(gate.judge()->rule == Rule::certified);
  CHECK(accepted(*gate.judge(), world).error <= kPromise.target_error);
}

TEST_CASE("after an alarm a gate also learns from what was audited since the change", "[audited]") {
  INFO("seed 14");
  std::mt19937_64 random(14);
  const auto uniform = [&] { return static_cast<float>(random() >> 40) * 0x1p-24f; };
  AuditedGate gate(kPromise);
  // What one signal tells tells another one after the change.
  const auto audit_until = [&](std::size_t telling, float wrong, Event event) {
    for (std::size_t i = 1; i <= 4000; ++i) {
      Signals signals{};
      for (float& signal : signals) signal = uniform();
      if (gate.audited(signals, signals[telling] < wrong) == event) return i;
    }
    FAIL("did not happen");
    return std::size_t{0};
  };
  audit_until(3, 0.004f, Event::certified);
  const std::size_t suspects = audit_until(4, 0.04f, Event::alarm);
  CHECK(suspects > 60);
  // Lessons and the fewest audits that could then prove the promise, one behind the other, would be more.
  constexpr std::size_t kLessons = 160;
  const std::size_t fewest =
      static_cast<std::size_t>(std::log(kPromise.delta / 4) / std::log1p(-kPromise.target_error));
  CHECK(audit_until(4, 0.04f, Event::certified) < kLessons + fewest);
  CHECK(gate.judge()->rule == Rule::certified);
}

TEST_CASE("where lessons leave hope for few requests alone, tests begin among these", "[audited]") {
  std::vector<std::size_t> took;
  for (unsigned seed = 1; seed <= 41; ++seed) {
    std::mt19937_64 random(seed);
    AuditedGate gate(kPromise);
    std::size_t audits = 0;
    while (gate.judge()->rule != Rule::certified && ++audits < 4000) {
      Signals signals{};
      for (float& signal : signals) signal = static_cast<float>(random() >> 40) * 0x1p-24f;
      gate.audited(signals, signals[3] > 0.4f);  // so many are wrong, and no others
    }
    took.push_back(audits);
  }
  std::ranges::sort(took);
  INFO("seeds 1 to 41, median " << took[took.size() / 2]);
  CHECK(took[took.size() / 2] < 960);  // 1,008 where they begin anywhere
}

TEST_CASE("what is asked for raises the alarm before anybody audited an error", "[audited]") {
  INFO("seed 13");
  World world(13);
  AuditedGate gate(kPromise);
  CHECK(gate.audit_share(0.05) == 0.05);
  audit_until(gate, world, Event::certified, 2000);
  const auto judge = gate.judge();
  const auto answer = [&](int most) {
    int requests = 1;
    while (requests < most && gate.answered(judge->gate.score(world.draw_hard().signals)) == Event::none)
      ++requests;
    return requests;
  };
  for (int i = 0; i < 300; ++i)
    REQUIRE(gate.answered(judge->gate.score(world.draw().signals)) == Event::none);
  CHECK(answer(2000) < 500);
  CHECK(gate.audit_share(0.05) == 1);
  CHECK(gate.judge()->rule == Rule::strict);
  CHECK(gate.answered(0) == Event::none);
}

TEST_CASE("what was audited since doubt began tests the copy that was in force", "[audited]") {
  INFO("seed 6");
  World world(6);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  world.shift();
  std::size_t since = 0, before = 0;
  Event event = Event::none;
  for (std::size_t i = 0; event != Event::alarm && i < 4000; ++i) {
    const bool doubted = since > 0 || gate.audit_share(0.05) > 0.05;
    const auto request = world.draw();
    if (doubted && before < 3) {
      event = gate.audited(request.signals, request.wrong, gate.doubts() - 1);  // drawn when there was none
      ++before;
    } else {
      event = gate.audited(request.signals, request.wrong);
      since = doubted ? since + 1 : 0;
    }
    if (event == Event::none && gate.standing().alarm <= 0) since = before = 0;
  }
  REQUIRE(event == Event::alarm);
  CHECK(since > 10);
  CHECK(before == 3);
  CHECK(gate.standing().gathered == since);
}

TEST_CASE("a doubt that lasts is kept within bounds", "[audited]") {
  INFO("seed 6");
  World world(6);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  const std::size_t begun = gate.doubts();
  for (int i = 0; i < 8000; ++i) {
    const bool near = gate.standing().alarm > 0.6;
    REQUIRE(gate.answered(near ? 1.0f : 0.3f) == Event::none);
    if (i < 10) continue;  // until there is doubt, which never ends from here on
    REQUIRE(gate.standing().alarm > 0);
    const auto request = world.draw();
    REQUIRE(gate.audited(request.signals, false) != Event::alarm);
    if (gate.standing().alarm < 0.4) REQUIRE(gate.answered(0.3f) == Event::none);
    if (i % 500 > 0) continue;
    AuditedGate back(kPromise);
    REQUIRE_NOTHROW(back.restore(gate.save()));
    CHECK(back.save() == gate.save());
  }
  CHECK(gate.doubts() > begun + 1);
}

TEST_CASE("in doubt more is audited", "[audited]") {
  INFO("seed 13");
  World world(13);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  int requests = 0;
  while (gate.audit_share(0.05) == 0.05 && ++requests < 500) gate.answered(0.3f);
  CHECK(gate.audit_share(0.05) == 0.5);
  CHECK(gate.audit_share(0.7) == 0.7);
  CHECK(gate.judge()->rule == Rule::certified);
}

TEST_CASE("a gate that later audits cannot certify is given up", "[audited]") {
  World world(7);
  AuditedGate gate({.target_error = 0.02, .delta = 0.2});
  audit_until(gate, world, Event::certified, 4000);
  // From now on all requests are hard ones, which are not accepted, so that no alarm sees them.
  std::mt19937_64 random(7);
  Event last = Event::none;
  for (int i = 0; i < 8000 && (last == Event::none || last == Event::certified); ++i)
    last = gate.audited(Signals{0.5f}, random() % 10 < 1);
  CHECK(last == Event::given_up);
  CHECK(gate.judge()->rule == Rule::strict);
}

TEST_CASE("what users say teaches the gate, and is no audit", "[audited]") {
  World world(8);
  AuditedGate taught(kPromise), other(kPromise);
  for (int i = 0; i < 500; ++i) {
    const auto request = world.draw();
    taught.teach(request.signals, !request.wrong);
  }
  CHECK(taught.standing().audits == 0);
  CHECK(taught.standing().gathered == 0);
  CHECK(taught.judge()->rule == Rule::fixed);
  CHECK(taught.save() != other.save());
}

TEST_CASE("other models end what was certified, and not what was learnt", "[audited]") {
  World world(9);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  gate.begin_anew();
  CHECK(gate.judge()->rule == Rule::fixed);
  CHECK(gate.standing().learning);
  CHECK(gate.standing().gathered == 0);
  audit_until(gate, world, Event::certified, 2000);
}

TEST_CASE("a gate that was saved goes on to the bit", "[audited]") {
  World world(10);
  AuditedGate gate(kPromise);
  int checked = 0;
  for (int i = 0; i < 3000; ++i) {
    if (i == 2500) world.shift();
    const auto request = world.draw();
    gate.audited(request.signals, request.wrong);
    if (i % 250 != 7) continue;
    AuditedGate back(kPromise);
    back.restore(gate.save());
    REQUIRE(back.save() == gate.save());
    CHECK(back.judge()->rule == gate.judge()->rule);
    CHECK(back.judge()->threshold == gate.judge()->threshold);
    World a = world, b = world;
    for (int k = 0; k < 600; ++k) {
      const auto x = a.draw(), y = b.draw();
      if (k == 0) CHECK(gate.judge()->gate.score(x.signals) == back.judge()->gate.score(y.signals));
      AuditedGate& one = back;
      one.audited(y.signals, y.wrong);
    }
    ++checked;
  }
  CHECK(checked == 12);
}

TEST_CASE("states of the versions before are read", "[audited]") {
  World world(15);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  // They say nothing of doubts at the end; one that begins with a 4 says nothing of hope either, between the
  // thresholds and the audits of its one candidate, nor of a copy that is doubted.
  const std::string saved = gate.save();
  std::vector<std::string> numbers;
  for (const auto number : std::views::split(saved, ' ')) numbers.emplace_back(number.begin(), number.end());
  const std::size_t audits = gate.standing().gathered;
  const std::size_t hope = numbers.size() - 2 * audits - 5;  // there is a blank at the end
  REQUIRE(numbers[hope + 1] == std::to_string(audits));
  const auto text = [&numbers](std::size_t but, std::size_t end) {
    std::string all;
    for (std::size_t i = 0; i < end; ++i)
      if (i != but) all.append(numbers[i]).append(" ");
    return all;
  };
  const std::size_t thresholds = 50;
  numbers[0] = "4";
  AuditedGate back(kPromise);
  back.restore(text(hope, numbers.size() - 3));
  numbers[0] = "5";
  AuditedGate newer(kPromise);
  newer.restore(text(numbers.size(), numbers.size() - 2));
  CHECK(newer.save() == saved);
  numbers[0] = "6", numbers[hope] = std::to_string(thresholds);
  CHECK(back.save() == text(numbers.size(), numbers.size() - 1));
  numbers[hope] = std::to_string(thresholds + 1);
  CHECK_THROWS_AS(back.restore(text(numbers.size(), numbers.size() - 1)), Failure);
}

TEST_CASE("a certificate is of its promise alone", "[audited]") {
  World world(11);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  AuditedGate stricter({.target_error = 0.01, .delta = 0.05});
  stricter.restore(gate.save());
  CHECK(stricter.judge()->rule == Rule::fixed);
  CHECK(stricter.standing().learning);
  CHECK(stricter.standing().audits == gate.standing().audits);
}

TEST_CASE("a damaged state is refused and changes nothing", "[audited]") {
  World world(12);
  AuditedGate gate(kPromise);
  audit_until(gate, world, Event::certified, 2000);
  const std::string saved = gate.save();
  AuditedGate fresh(kPromise);
  const std::string before = fresh.save();
  for (const std::string& text :
       {std::string(), saved.substr(0, saved.size() / 2), saved + "1 ", "9 " + saved,
        saved.substr(0, saved.size() - 1), "1 7 nan " + saved.substr(9)})
    CHECK_THROWS_AS(fresh.restore(text), Failure);
  CHECK(fresh.save() == before);
}
