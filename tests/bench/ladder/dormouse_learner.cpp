#include "tests/bench/ladder/dormouse_learner.h"

#include <algorithm>
#include <cmath>

#include "drivers/all_drivers.h"
#include "learning/committee_learner.h"
#include "tests/bench/ladder/network.h"

namespace dormouse::bench {
namespace {

using learning::CommitteeLearner;
using learning::CommitteeOptions;
using learning::Packing;

constexpr double kRate = 0.03;  // of a batch of ten; a larger one is the better estimate
constexpr double kRateGrowth = 0.75;
constexpr std::size_t kLeastReplay = 32;

CommitteeOptions options_of(std::size_t budget_bytes, const Place& place) {
  CommitteeOptions options;
  options.budget_bytes = budget_bytes;
  if (place.pixels) {
    options.packing.code = Packing::Code::bits2;
    options.packing.range = Packing::Range{0, 1};
  }
  options.packing.image = place.image;
  options.packing.half = place.image.has_value();
  options.packing.upsampling = Packing::Upsampling::bilinear;
  options.network.rate = static_cast<float>(kRate * std::pow(double(place.batch) / 10, kRateGrowth));
  options.network.replay_batch = std::max(kLeastReplay, place.batch);
  options.network.drivers = drivers::all_drivers();
  options.seed = place.seed;
  return options;
}

class DormouseLearner final : public Learner {
 public:
  DormouseLearner(std::size_t budget_bytes, const Place& place)
      : learner_(network(place.width, place.hidden, place.classes, place.seed),
                 options_of(budget_bytes, place)) {}

  void observe(const learning::LabelledLatents& batch) override { learner_.learn(batch); }
  void sleep(const std::function<void()>& looked_at) override {
    looked_at();  // the waking model answers until the night is over
    learner_.sleep();
    looked_at();
  }
  engine::Tensor answer(const engine::Tensor& inputs) override { return learner_.logits(inputs); }
  std::size_t bytes() const override { return learner_.bytes(); }

 private:
  CommitteeLearner learner_;
};

}  // namespace

std::unique_ptr<Learner> dormouse_learner(std::size_t budget_bytes, const Place& place) {
  return std::make_unique<DormouseLearner>(budget_bytes, place);
}

}  // namespace dormouse::bench
