#include "learning/arbiter.h"

#include <numeric>

#include "learning/calibration.h"
#include "learning/ridge.h"
#include "tests/learning/clusters.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

engine::PublishedModel two_heads(std::size_t slow_classes, engine::LinearHead fast) {
  engine::PublishedModel model;
  model.name = "test";
  model.slow_classes = slow_classes;
  for (std::size_t c = 0; c < fast.classes(); ++c) model.labels.push_back("class " + std::to_string(c));
  model.fast = std::move(fast);
  return model;
}

/// A head on one-element latents that says: class `named`, with this logit lead.
engine::LinearHead constant_head(std::size_t classes, std::size_t named, float lead) {
  engine::LinearHead head{Tensor(engine::DType::f32, Shape{2, std::int64_t(classes)}), 1.0f};
  head.weights.mutable_values<float>()[classes + named] = lead;
  return head;
}

const std::vector<float> kLatent{0.0f};

}  // namespace

TEST_CASE("heads that agree are averaged", "[arbiter]") {
  auto model = two_heads(2, constant_head(2, 1, 2.0f));
  const engine::Answer answer = engine::arbitrate(model, std::vector<float>{0.0f, 4.0f}, kLatent);
  CHECK(answer.agreed);
  CHECK(answer.predicted == 1);
  CHECK(answer.confidence == Approx((answer.slow.confidence + answer.fast->confidence) / 2));
  CHECK(std::accumulate(answer.probabilities.begin(), answer.probabilities.end(), 0.0f) == Approx(1));
}

TEST_CASE("a disagreement goes to the head with the better record on what the fast head names", "[arbiter]") {
  auto model = two_heads(2, constant_head(3, 2, 2.0f));
  const std::vector<float> slow_says_1{0.0f, 4.0f};
  model.arbiter = {{0.5f, 0.5f, 0.1f}, {0.5f, 0.5f, 0.8f}};
  CHECK(engine::arbitrate(model, slow_says_1, kLatent).predicted == 2);
  model.arbiter = {{0.5f, 0.5f, 0.8f}, {0.5f, 0.5f, 0.1f}};
  const engine::Answer answer = engine::arbitrate(model, slow_says_1, kLatent);
  CHECK(answer.predicted == 1);
  CHECK_FALSE(answer.agreed);
  CHECK(answer.slow.weight == Approx(8.0 / 9));
}

TEST_CASE("a model without fast weights answers with its slow head", "[arbiter]") {
  auto model = two_heads(2, constant_head(2, 0, 1.0f));
  model.fast.reset();
  model.slow_temperature = 2.0f;
  const engine::Answer answer = engine::arbitrate(model, std::vector<float>{0.0f, 2.0f}, {});
  CHECK(answer.confidence == Approx(1 / (1 + std::exp(-1.0f))));
  CHECK(answer.slow.weight == 1.0f);
}

TEST_CASE("a kernel head beside the network makes the slow answer with it", "[arbiter]") {
  auto model = two_heads(2, constant_head(2, 0, 1.0f));
  // One example at 0 that says: class 1.
  const auto seen = Tensor::from<float>(Shape{1, 1}, {0.0f}),
             alpha = Tensor::from<float>(Shape{1, 2}, {0, 2});
  model.kernel = engine::KernelSeat{std::make_shared<engine::KernelHead>(seen, alpha, 1.0f), 0.5f, 3.0f};
  const std::vector<float> says_0{1.0f, 0.0f};
  const engine::Answer near = engine::arbitrate(model, says_0, kLatent);
  CHECK(near.slow.predicted == 1);
  // Network 0.5·(1, 0), kernel 3·(-1, 1).
  CHECK(near.slow.confidence == Approx(1 / (1 + std::exp(-5.5))));
  CHECK(near.pool->at(0).predicted == 0);
  CHECK(near.pool->at(1).predicted == 1);
  CHECK(engine::arbitrate(model, says_0, std::vector<float>{9.0f}).slow.predicted == 0);

  const auto logits = Tensor::from<float>(Shape{1, 2}, says_0),
             latent = Tensor::from<float>(Shape{1, 1}, kLatent);
  CHECK(model.kernel->pool(logits, latent).values<float>()[1] == Approx(3));
  CHECK_THROWS_AS(engine::arbitrate(model, says_0, std::vector<float>{}), Failure);
}

TEST_CASE("logits that are not finite or of another length are refused", "[arbiter]") {
  auto model = two_heads(2, constant_head(2, 0, 1.0f));
  CHECK_THROWS_AS(engine::arbitrate(model, std::vector<float>{0.0f, std::nanf("")}, kLatent), Failure);
  CHECK_THROWS_AS(engine::arbitrate(model, std::vector<float>{0.0f}, kLatent), Failure);
  CHECK_THROWS_AS(engine::arbitrate(model, std::vector<float>{0.0f, 1.0f}, std::vector<float>{1.0f, 2.0f}),
                  Failure);
}

TEST_CASE("without evidence the fast head wins what only it can name", "[arbiter]") {
  const engine::Arbiter arbiter = measure_arbiter({}, {}, {}, 2, 3);
  CHECK(arbiter.slow[0] == arbiter.fast[0]);
  CHECK(arbiter.fast[2] == Approx(2 * arbiter.slow[2]));
}

TEST_CASE("a class that has nothing held out is believed until it is named where it is not", "[arbiter]") {
  // Forty examples each of two old classes; the fast head calls `wrong` of them the new class 2.
  const auto weights = [](std::size_t wrong) {
    std::vector<ClassIndex> truth(80), fast;
    std::fill(truth.begin() + 40, truth.end(), 1);
    fast = truth;
    std::fill_n(fast.begin(), wrong, 2);
    return measure_arbiter(truth, fast, truth, 2, 3);
  };
  const engine::Arbiter careful = weights(2), rash = weights(30);
  CHECK(careful.fast[2] > 3 * careful.slow[2]);
  CHECK(rash.slow[2] > rash.fast[2]);
}

TEST_CASE("a slow head that never saw two classes does not drown the fast head that did", "[arbiter]") {
  constexpr std::uint64_t kSeed = 77;
  INFO("seed " << kSeed);
  Clusters clusters(10, 32, 0.7, kSeed);
  const RidgeHead slow(32, statistics_of(clusters.draw(200, 0, 8), 8), {});
  RidgeHead fast(32, statistics_of(clusters.draw(60, 0, 8), 8), {});
  fast.grow(10);
  const LabelledLatents taught = clusters.draw(40, 8, 10);
  for (std::size_t i = 0; i < taught.size(); ++i) fast.observe(taught.row(i), taught.classes[i]);
  const LabelledLatents heldout_old = clusters.draw(30, 0, 8);
  const LabelledLatents heldout = concatenate(heldout_old, clusters.draw(10, 8, 10));

  auto model = two_heads(8, fast.head());
  model.slow_temperature =
      fit_temperature(logits_of(slow.head(), heldout_old.latents), heldout_old.classes, 1);
  model.fast->temperature = fit_temperature(logits_of(fast.head(), heldout.latents), heldout.classes, 1);
  model.arbiter =
      measure_arbiter(predictions(logits_of(slow.head(), heldout.latents)),
                      predictions(logits_of(fast.head(), heldout.latents)), heldout.classes, 8, 10);

  const LabelledLatents test = clusters.draw(100, 0, 10);
  const Tensor slow_logits = logits_of(slow.head(), test.latents);
  std::vector<ClassIndex> answers;
  for (std::size_t i = 0; i < test.size(); ++i)
    answers.push_back(static_cast<ClassIndex>(
        engine::arbitrate(model, slow_logits.values<float>().subspan(i * 8, 8), test.row(i)).predicted));
  const auto fast_alone = predictions(logits_of(fast.head(), test.latents));
  CAPTURE(accuracy(fast_alone, test.classes, 0, 8), accuracy(fast_alone, test.classes, 8, 10));
  CHECK(accuracy(answers, test.classes, 8, 10) > accuracy(fast_alone, test.classes, 8, 10) - 0.05);
  CHECK(accuracy(answers, test.classes, 0, 8) > accuracy(fast_alone, test.classes, 0, 8));
}
