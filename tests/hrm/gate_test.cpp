#include "hrm/gate.h"

#include <cmath>
#include <random>

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

struct Lesson {
  Signals signals{};
  bool right = false;
};

/// The cheap answer is right with probability logistic(4·agreement − 2 + 3·confidence − 2); other signals are
/// noise, or never change.
Lesson draw(std::mt19937_64& random) {
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  Lesson lesson;
  for (float& signal : lesson.signals) signal = static_cast<float>(uniform());
  lesson.signals.back() = 3;
  const double logit = 4 * double{lesson.signals[3]} + 3 * double{lesson.signals[kConfidence]} - 4;
  lesson.right = uniform() < 1 / (1 + std::exp(-logit));
  return lesson;
}

}  // namespace

TEST_CASE("the gate learns in one pass which signals tell a right answer, and how surely", "[gate]") {
  INFO("seed 3");
  std::mt19937_64 random(3);
  Gate gate;
  CHECK(gate.score(draw(random).signals) == 0.5f);
  for (int i = 0; i < 4000; ++i) {
    const Lesson lesson = draw(random);
    gate.learn(lesson.signals, lesson.right);
  }
  double squared = 0, bias = 0;
  for (int i = 0; i < 4000; ++i) {
    const Lesson lesson = draw(random);
    const double logit = 4 * double{lesson.signals[3]} + 3 * double{lesson.signals[kConfidence]} - 4;
    const double error = double{gate.score(lesson.signals)} - 1 / (1 + std::exp(-logit));
    squared += error * error / 4000, bias += error / 4000;
  }
  CHECK(std::sqrt(squared) < 0.06);
  CHECK(std::abs(bias) < 0.04);
}
