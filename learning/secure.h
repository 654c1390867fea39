#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace dormouse::learning {

/// Random numbers from the operating system's cryptographic generator (libsodium's randombytes): what privacy
/// rests on must not be computable from a seed, so no two runs agree. Not thread-safe.
///
/// Noise is drawn in double precision; the low bits of floating-point noise are not protected against an
/// adversary who reads them exactly (Mironov 2012).
class SecureRandom {
 public:
  ~SecureRandom();

  double uniform();  ///< in (0, 1): a multiple of 2⁻⁵³, never 0
  double normal();   ///< N(0, 1) by Box–Muller
  bool chance(double probability) { return uniform() <= probability; }

 private:
  std::uint64_t bits();

  std::array<std::uint64_t, 64> block_{};
  std::size_t used_ = block_.size();
  std::optional<double> spare_;
};

}  // namespace dormouse::learning
