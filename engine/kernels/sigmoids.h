#pragma once

#include <cstdint>

/// The curves of gates and cells, on many elements in place.
namespace dormouse::engine {

struct Sigmoids {
  void (*logistic)(float* values, std::int64_t count) noexcept;
  void (*tanh)(float* values, std::int64_t count) noexcept;
};

extern const Sigmoids kPortableSigmoids;
#if defined(__x86_64__)
extern const Sigmoids kAvx2Sigmoids;
extern const Sigmoids kAvx512Sigmoids;
#endif

/// Those of the widest vector instructions that this processor has.
const Sigmoids& best_sigmoids();

}  // namespace dormouse::engine
