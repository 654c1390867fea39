#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/driver.h"
#include "learning/linoss_network.h"

namespace dormouse::learning {

/// What is new in one channel of a sample.
struct Surprise {
  float level = 0;     ///< the value, in deviations from the channel's running mean
  float step = 0;      ///< from the last value to this one, in units of the usual step
  float residual = 0;  ///< of that, what was not foreseen, in units of what usually is not
  bool known = false;  ///< false: nothing to judge by: the value or the one before it is missing, or the
                       ///< stream has just begun
};

/// Foretells every next sample of a stream from those before it, and learns to from nothing but the stream: a
/// D-LinOSS network (learning/linoss_learner.h) that is taught each step by exact online gradients.
///
/// Values may have any unit and drift: means and scales are running ones. A value that is not finite is
/// missing; what stands in for it is the last one that was there. Extreme values move weights and scales no
/// further than large ones, so that a spike does not unlearn what was known. Memory and work for a sample
/// stay what they are. Deterministic. Not thread-safe.
class StreamPredictor {
 public:
  struct Options {
    std::int64_t channels = 1;
    std::int64_t hidden = 16;
    std::int64_t oscillators = 16;
    double rate = 1e-3;  ///< of learning
    std::uint64_t seed = 1;
    std::span<const engine::Driver* const> drivers = {};  ///< borrowed for the predictor's life
  };
  explicit StreamPredictor(const Options& options);
  ~StreamPredictor();
  StreamPredictor(StreamPredictor&&) noexcept;
  StreamPredictor& operator=(StreamPredictor&&) noexcept;

  /// Judges the next sample [channels] by the prediction, then learns from it. The result is valid until the
  /// next call.
  std::span<const Surprise> observe(std::span<const float> sample);

  std::uint64_t samples() const;
  std::uint64_t missing() const;   ///< values that were not finite
  std::uint64_t restarts() const;  ///< times that learning had run away and began anew

  using State = std::map<std::string, engine::Tensor>;
  /// Everything it knows, exactly.
  State state() const;
  /// Goes on from there, bit for bit. Throws Failure(corrupt) for a state of other options.
  void restore(const State& state);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dormouse::learning
