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

TEST_CASE("the gate knows which answers were wrong before", "[gate]") {
  INFO("seed 8");
  std::mt19937_64 random(8);
  Gate gate;
  const auto said = [](std::uint64_t label) {
    Signals signals{0.9f};
    signals[kAnswer] = static_cast<float>(label);
    return signals;
  };
  CHECK(gate.historic_error(said(3)) == Approx(0.5));
  for (int i = 0; i < 2000; ++i) {  // of 3 a half is wrong, of others one in ten
    const std::uint64_t label = random() % 5;
    gate.learn(said(label), random() % 10 >= (label == 3 ? 5u : 1u));
  }
  CHECK(gate.historic_error(said(3)) == Approx(0.5).margin(0.08));
  CHECK(gate.historic_error(said(1)) == Approx(0.1).margin(0.05));
  CHECK(gate.historic_error(said(77)) == Approx(0.18).margin(0.04));  // of all, where there are none
  CHECK(gate.score(said(3)) == Approx(0.5).margin(0.1));
  CHECK(gate.score(said(1)) == Approx(0.9).margin(0.05));

  NumberWriter text;
  gate.save(text);
  NumberReader again(text.text());
  CHECK(Gate::restore(again).score(said(3)) == gate.score(said(3)));
}

TEST_CASE("what is rehearsed is no more history, and is not judged by itself", "[gate]") {
  Gate gate;
  Signals rare{0.9f};
  rare[kAnswer] = 1;
  for (int i = 0; i < 100; ++i) gate.learn({0.9f}, i % 10 > 0);
  gate.learn(rare, false);
  const double known = gate.historic_error(rare);
  const float unsure = gate.score(rare);
  for (int round = 0; round < 20; ++round) gate.rehearse(rare, false);
  CHECK(gate.historic_error(rare) == known);
  Gate naive = gate;
  for (int round = 0; round < 20; ++round) naive.learn(rare, false);
  CHECK(naive.historic_error(rare) > 2 * known);
  CHECK(gate.score(rare) <= unsure);
  CHECK(gate.score(rare) > 0.7f * unsure);  // by what the others had come to, and not by itself, it is half
}

TEST_CASE("a trace may call an answer by any number", "[gate]") {
  Gate gate;
  for (const float number : {-1.0f, 0.5f, 1e6f, 65535.0f}) {
    Signals signals{0.5f};
    signals[kAnswer] = number;
    gate.learn(signals, true);
    CHECK(std::isfinite(gate.score(signals)));
  }
}
