#pragma once

#include <functional>
#include <memory>

#include "learning/latents.h"

namespace dormouse::bench {

/// What climbs the ladder: it learns batches as they come, sleeps after each task, and answers.
class Learner {
 public:
  virtual ~Learner() = default;
  /// One batch of the waking day.
  virtual void observe(const learning::LabelledLatents& batch) = 0;
  /// The night after a task. `looked_at` is called now and then, so that answers can be asked for while it
  /// sleeps.
  virtual void sleep(const std::function<void()>& looked_at) = 0;
  /// Logits [N, C].
  virtual engine::Tensor answer(const engine::Tensor& inputs) = 0;
  /// Kept between batches, weights left out.
  virtual std::size_t bytes() const = 0;
};

}  // namespace dormouse::bench
