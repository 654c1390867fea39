#include "hrm/alarms.h"

#include <random>

using namespace dormouse::hrm;

namespace {

constexpr int kMost = 20000;

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  double operator()() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 random_;
};

template <class Alarmed>
double mean_of(int seeds, const Alarmed& alarmed) {
  double sum = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    Chance chance(static_cast<std::uint64_t>(seed));
    int answers = 1;
    auto next = alarmed(chance);
    while (!next() && answers < kMost) ++answers;
    sum += answers;
  }
  return sum / seeds;
}

}  // namespace

TEST_CASE("the alarm goes off soon where four times as much errs as may, and hardly ever at a quarter",
          "[alarms]") {
  const auto at = [](double rate) {
    return mean_of(100, [rate](Chance& chance) {
      return [rate, &chance, alarm = ErrorAlarm(0.05)]() mutable { return alarm.add(chance() < rate); };
    });
  };
  CHECK(at(0.2) < 40);
  CHECK(at(0.0125) > 15000);
}

TEST_CASE("scores alone tell of a shift, whether they are calibrated or not, and audits sooner", "[alarms]") {
  // A wrong answer is doubtful four times in five, a right one once in ten.
  for (const float doubt : {0.3f, 0.15f}) {
    const double foretold = 0.135 * double{doubt} + 0.865 * 0.01;
    const auto at = [=](double error, bool audited) {
      return mean_of(40, [=](Chance& chance) {
        return [=, &chance, alarm = ShiftAlarm(foretold)]() mutable {
          const bool wrong = chance() < error;
          const float score = chance() < (wrong ? 0.8 : 0.1) ? 1 - doubt : 0.99f;
          return alarm.add(score) || (audited && alarm.audited(score, wrong));
        };
      });
    };
    CHECK(at(0.05, false) > 15000);
    CHECK(at(0.174, false) < 500);
    CHECK(at(0.174, true) < at(0.174, false));
  }
}
