#include "learning/sgd_head.h"

#include "learning/calibration.h"
#include "tests/learning/clusters.h"

using namespace dormouse;
using namespace dormouse::learning;

TEST_CASE("SGD fast weights start as the slow head and learn a new class from labels", "[sgd]") {
  constexpr std::uint64_t kSeed = 11;
  INFO("seed " << kSeed);
  Clusters clusters(4, 16, 1.5, kSeed);
  const LabelledLatents seed = clusters.draw(50, 0, 3);
  engine::LinearHead slow{Tensor(engine::DType::f32, Shape{17, 3}), 1.0f};
  Random random(kSeed);
  for (float& w : slow.weights.mutable_values<float>()) w = static_cast<float>(0.1 * random.normal());

  SgdHead head(16, 3, &slow, scale_of(statistics_of(seed, 3), 16), {});
  const engine::LinearHead start = head.head();
  const auto before = slow.weights.values<float>(), after = start.weights.values<float>();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == Approx(before[i]).margin(1e-4));

  head.grow(4);
  const LabelledLatents taught = clusters.draw(20, 3, 4);
  for (std::size_t i = 0; i < taught.size(); ++i) head.observe(taught.row(i), 3);
  const LabelledLatents test = clusters.draw(50, 3, 4);
  CHECK(accuracy(predictions(logits_of(head.head(), test.latents)), test.classes, 3, 4) > 0.8);
}
