#include "learning/metrics.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

using namespace dormouse;
using namespace dormouse::learning;

TEST_CASE("a confusion matrix gives accuracy, precision, recall and F1", "[metrics]") {
  Confusion confusion(3);
  const std::array<std::pair<ClassIndex, ClassIndex>, 6> answers{
      {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}, {1, 1}}};
  for (const auto& [truth, named] : answers) confusion.add(truth, named);
  CHECK(confusion.count(0, 1) == 1);
  CHECK(confusion.accuracy() == Approx(4.0 / 6));
  CHECK(confusion.precision(0) == Approx(2.0 / 3));
  CHECK(confusion.recall(1) == Approx(2.0 / 3));
  CHECK(confusion.f1(0) == Approx(2.0 / 3));
  CHECK(confusion.f1(2) == 0);
  CHECK(confusion.macro_f1() == Approx(2.0 / 3));  // there is no example of the third class
  CHECK(Confusion(2).accuracy() == 0);
}

TEST_CASE("the area under the curve counts pairs, ties by half", "[metrics]") {
  const std::array<float, 5> scores{0.1f, 0.4f, 0.35f, 0.8f, 0.4f};
  const std::array<bool, 5> positive{false, false, true, true, true};
  // Of six pairs four are in order and one is tied.
  CHECK(auroc(scores, positive) == Approx((4 + 0.5) / 6));
  const std::array<bool, 5> none{};
  CHECK(std::isnan(auroc(scores, none)));
}

TEST_CASE("one class against all others, in the mean", "[metrics]") {
  const Tensor p = Tensor::from<float>({3, 3}, {0.9f, 0.1f, 0.0f, 0.2f, 0.7f, 0.1f, 0.6f, 0.4f, 0.0f});
  const std::array<ClassIndex, 3> truth{0, 1, 1};
  // Class 0: 0.9 above 0.2 and 0.6. Class 1: 0.7 and 0.4 above 0.1. Class 2 has no example.
  CHECK(macro_auroc(p, truth) == Approx(1));
}

TEST_CASE("the calibration error is the gap between confidence and accuracy", "[metrics]") {
  const Tensor p = Tensor::from<float>({4, 2}, {0.75f, 0.25f, 0.75f, 0.25f, 0.75f, 0.25f, 1.0f, 0.0f});
  CHECK(calibration_error(p, std::array<ClassIndex, 4>{0, 0, 0, 0}) == Approx(3 * 0.25 / 4));
  CHECK(calibration_error(p, std::array<ClassIndex, 4>{0, 0, 1, 1}) ==
        Approx(((0.75 - 2.0 / 3) * 3 + 1.0) / 4));
  const Tensor broken = Tensor::from<float>({1, 2}, {NAN, NAN});
  CHECK(calibration_error(broken, std::array<ClassIndex, 1>{1}) == 0);  // nothing claimed, nothing right
}
