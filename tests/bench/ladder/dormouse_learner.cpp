#include "tests/bench/ladder/dormouse_learner.h"

#include "drivers/all_drivers.h"
#include "learning/committee_learner.h"
#include "tests/bench/ladder/network.h"

namespace dormouse::bench {
namespace {

using learning::CommitteeLearner;
using learning::CommitteeOptions;
using learning::Packing;

CommitteeOptions options_of(std::size_t budget_bytes, const Place& place) {
  CommitteeOptions options;
  options.budget_bytes = budget_bytes;
  if (place.images)
    options.packing = {.code = Packing::Code::bits2,
                       .range = Packing::Range{0, 1},
                       .image = learning::ImageShape{28, 28},
                       .half = !place.scrambled,
                       .upsampling = Packing::Upsampling::bilinear};
  options.network = {.strategy = learning::Strategy::ace,
                     .rate = 0.03f,
                     .replay_batch = 32,
                     .drivers = drivers::all_drivers()};
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
