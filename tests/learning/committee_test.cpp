#include "learning/committee.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "learning/calibration.h"
#include "learning/random.h"

namespace dormouse::learning {
namespace {

/// Scores of a head that is right with some probability, and sure of itself to some degree.
Tensor scores_of(std::span<const ClassIndex> truth, std::size_t classes, double right, float sure,
                 Random& random) {
  Tensor scores(engine::DType::f32, Shape{std::int64_t(truth.size()), std::int64_t(classes)});
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const std::size_t said = random.uniform() < right ? truth[i] : random.below(classes);
    scores.mutable_values<float>()[i * classes + said] = sure;
  }
  return scores;
}

std::vector<ClassIndex> classes_in_turn(std::size_t count, std::size_t classes) {
  std::vector<ClassIndex> truth(count);
  for (std::size_t i = 0; i < count; ++i) truth[i] = static_cast<ClassIndex>(i % classes);
  return truth;
}

double cross_entropy(const Tensor& logits, std::span<const ClassIndex> truth) {
  const Tensor p = probabilities(logits, 1);
  const auto classes = static_cast<std::size_t>(logits.shape()[1]);
  double sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i)
    sum -= std::log(double{p.values<float>()[i * classes + truth[i]]});
  return sum / double(truth.size());
}

}  // namespace

TEST_CASE("one head on a committee is that head at its own temperature") {
  Random random(1);
  const auto truth = classes_in_turn(400, 4);
  const Tensor scores = scores_of(truth, 4, 0.7, 9, random);
  const Committee committee = seat_committee(std::span(&scores, 1), truth);
  CHECK(1 / committee.weights[0] == Approx(fit_temperature(scores, truth, 1)).epsilon(0.02));
}

TEST_CASE("a useless head loses its seat, and three fair ones do better than any") {
  Random random(2);
  const auto truth = classes_in_turn(3000, 5);
  const std::vector<Tensor> heads{scores_of(truth, 5, 0.6, 3, random), scores_of(truth, 5, 0.6, 30, random),
                                  scores_of(truth, 5, 0.6, 0.3f, random),
                                  scores_of(truth, 5, 0.0, 4, random)};
  const Committee committee = seat_committee(heads, truth);
  const Tensor pooled = committee.combine(heads);
  for (const Tensor& head : heads)
    CHECK(share_right(predictions(pooled), truth) > share_right(predictions(head), truth) + 0.03);
  // The useless head's scores are worth nothing beside any fair one's, at their own scale.
  CHECK(committee.weights[3] * 4 < 0.1 * committee.weights[0] * 3);
  SECTION("and no step aside of the weights found does better") {
    const double here = cross_entropy(pooled, truth);
    for (std::size_t k = 0; k < 3; ++k)
      for (const double factor : {0.8, 1.25}) {
        Committee other = committee;
        other.weights[k] *= factor;
        CHECK(cross_entropy(other.combine(heads), truth) > here - 1e-3);
      }
  }
}

TEST_CASE("few examples change a committee little") {
  Random random(3);
  const auto truth = classes_in_turn(4, 2);
  const std::vector<Tensor> heads{scores_of(truth, 2, 1, 2, random), scores_of(truth, 2, 0, 2, random)};
  const Committee committee = seat_committee(heads, truth);
  CHECK(committee.weights[0] > 0);
  CHECK(committee.weights[1] >= 0);
  CHECK(seat_committee(heads, {}).weights == std::vector<double>{0.5, 0.5});
}

}  // namespace dormouse::learning
