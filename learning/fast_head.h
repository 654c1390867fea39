#pragma once

#include <memory>
#include <span>

#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// Fast weights: what feedback changes at once. Not thread-safe; head() makes an immutable copy to publish.
///
/// Deterministic: the same starting state and the same calls in the same order give bit-identical weights,
/// which is how they are rebuilt at start.
class FastHead {
 public:
  virtual ~FastHead() = default;
  virtual std::size_t classes() const = 0;
  virtual std::size_t latent_size() const = 0;
  /// Adds classes without examples, up to `classes`; fewer than there are is a mistake (ensure()d).
  virtual void grow(std::size_t classes) = 0;
  /// One labelled latent. Throws Failure(invalid) on a wrong width, an unknown class or values that are not
  /// finite.
  virtual void observe(std::span<const float> latent, ClassIndex label) = 0;
  /// Takes back an earlier observe() of the same latent and label (relabelling).
  virtual void unlearn(std::span<const float> latent, ClassIndex label) = 0;
  virtual engine::LinearHead head() const = 0;
  /// What the head keeps to learn on, in bytes.
  virtual std::size_t bytes() const = 0;
};

/// What every observe() checks first.
void check_example(std::span<const float> latent, ClassIndex label, const FastHead& head);

}  // namespace dormouse::learning
