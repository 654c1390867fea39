#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/kernels/sigmoids.h"

namespace dormouse::engine {
namespace {

// Where the curves bend, where they are flat, and beyond what exp can represent.
std::vector<float> arguments() {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values{0.0f, -0.0f, 1e-30f, 1e30f, -1e30f, infinity, -infinity};
  for (int i = -1000; i <= 1000; ++i) values.push_back(static_cast<float>(i) * 0.1f);
  for (int i = -300; i <= 300; ++i) values.push_back(static_cast<float>(i) * 0.001f);
  return values;
}

void compare(void (*function)(float*, std::int64_t) noexcept, double (*exact)(double)) {
  const std::vector<float> x = arguments();
  std::vector<float> y = x;
  function(y.data(), static_cast<std::int64_t>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO("at " << x[i]);
    REQUIRE(static_cast<double>(y[i]) ==
            Approx(exact(static_cast<double>(x[i]))).epsilon(1e-6).margin(1e-37));
  }
  float nothing = std::numeric_limits<float>::quiet_NaN();
  function(&nothing, 1);
  CHECK(std::isnan(nothing));
}

void compare(const Sigmoids& sigmoids) {
  compare(sigmoids.logistic, [](double x) { return 1 / (1 + std::exp(-x)); });
  compare(sigmoids.tanh, [](double x) { return std::tanh(x); });
}

}  // namespace

TEST_CASE("the curves of every instruction set this processor has are exact to a millionth", "[sigmoids]") {
  compare(kPortableSigmoids);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) compare(kAvx2Sigmoids);
  if (__builtin_cpu_supports("avx512f")) compare(kAvx512Sigmoids);
#endif
}

}  // namespace dormouse::engine
