#pragma once

#include <memory>
#include <span>

#include "engine/published.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// The bias of a class without examples where a head knows better than to guess: it never wins.
inline constexpr double kNever = -1e9;

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
  /// Takes in examples of which only these statistics are left (by class, of the head's features), as if they
  /// had been observed. A head that learns by gradient steps cannot, and leaves them out.
  virtual void absorb(const Statistics& statistics) = 0;
  virtual engine::LinearHead head() const = 0;
  /// What must be kept to make the head again, in bytes: statistics or weights, not what follows from them.
  virtual std::size_t bytes() const = 0;
};

/// What every observe() checks first.
void check_example(std::span<const float> latent, ClassIndex label, const FastHead& head);

}  // namespace dormouse::learning
