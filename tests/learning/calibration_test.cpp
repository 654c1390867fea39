#include "learning/calibration.h"
#include "tests/learning/clusters.h"

using namespace dormouse;
using namespace dormouse::learning;

TEST_CASE("the fitted temperature recovers the one that labels were drawn at", "[calibration]") {
  constexpr std::uint64_t kSeed = 5;
  INFO("seed " << kSeed);
  Random random(kSeed);
  Tensor logits(engine::DType::f32, Shape{4000, 5});
  for (float& x : logits.mutable_values<float>()) x = static_cast<float>(4 * random.normal());
  const Tensor p = probabilities(logits, 2.5f);
  std::vector<ClassIndex> labels;
  for (std::size_t i = 0; i < 4000; ++i) {
    double u = random.uniform();
    ClassIndex c = 0;
    while (c < 4 && u >= double{p.values<float>()[i * 5 + c]}) u -= double{p.values<float>()[i * 5 + c++]};
    labels.push_back(c);
  }
  CHECK(fit_temperature(logits, labels, 1.0f) == Approx(2.5f).epsilon(0.05));
}

TEST_CASE("the fitted temperature does not depend on where the search began, even at its ends",
          "[calibration]") {
  Tensor logits(engine::DType::f32, Shape{300, 4});
  Random random(6);
  for (float& x : logits.mutable_values<float>()) x = static_cast<float>(random.normal());
  std::vector<ClassIndex> noise, right = predictions(logits), wrong;
  for (std::size_t i = 0; i < 300; ++i) {
    noise.push_back(random.uniform() < 0.5 ? right[i] : static_cast<ClassIndex>(random.below(4)));
    wrong.push_back((right[i] + 1) % 4);
  }
  const float inside = fit_temperature(logits, noise, 1.0f);
  for (const float start : {0.01f, 0.3f, 5.0f, 100.0f}) {
    CHECK(fit_temperature(logits, noise, start) == Approx(inside).epsilon(1e-3));
    CHECK(fit_temperature(logits, right, start) ==
          Approx(fit_temperature(logits, right, 1.0f)).epsilon(1e-3));
    CHECK(fit_temperature(logits, wrong, start) == Approx(100.0f).epsilon(1e-2));
  }
}

TEST_CASE("without examples the temperature stays", "[calibration]") {
  CHECK(fit_temperature(Tensor(engine::DType::f32, Shape{0, 3}), {}, 1.7f) == 1.7f);
}

TEST_CASE("quantised latents come back within half a step of their row", "[latents]") {
  Random random(3);
  Tensor latents(engine::DType::f32, Shape{50, 16});
  for (float& x : latents.mutable_values<float>()) x = static_cast<float>(10 * random.normal());
  const QuantisedLatents packed = quantise(latents);
  const Tensor back = dequantise(packed);
  for (std::size_t i = 0; i < 800; ++i)
    CHECK(std::abs(back.values<float>()[i] - latents.values<float>()[i]) <=
          0.501f * packed.scales.values<float>()[i / 16]);
}
