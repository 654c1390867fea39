#include "learning/secure.h"

#include <cmath>
#include <numbers>

#include <sodium.h>

#include "config/error.h"

namespace dormouse::learning {

SecureRandom::~SecureRandom() {
  sodium_memzero(block_.data(), sizeof block_);
  if (spare_) sodium_memzero(&*spare_, sizeof *spare_);
}

std::uint64_t SecureRandom::bits() {
  if (used_ == block_.size()) {
    // Harmless when done already; negative when the system offers no randomness.
    if (sodium_init() < 0)
      throw Failure(Errc::unavailable,
                    "noise for a private night: the system's random generator does not answer");
    randombytes_buf(block_.data(), sizeof block_);
    used_ = 0;
  }
  return block_[used_++];
}

double SecureRandom::uniform() {
  for (;;)
    if (const std::uint64_t drawn = bits() >> 11; drawn != 0)
      return std::ldexp(static_cast<double>(drawn), -53);
}

double SecureRandom::normal() {
  if (spare_) {
    const double value = *spare_;
    spare_.reset();
    return value;
  }
  const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

}  // namespace dormouse::learning
