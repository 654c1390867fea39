#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/kernels/curves.h"

namespace dormouse::engine {
namespace {

// Where the curves bend, where they are flat, and beyond what exp can represent.
std::vector<float> arguments() {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values{0.0f, -0.0f, 1e-30f, 1e30f, -1e30f, infinity, -infinity};
  for (int i = -1000; i <= 1000; ++i) values.push_back(static_cast<float>(i) * 0.1f);
  for (int i = -300; i <= 300; ++i) values.push_back(static_cast<float>(i) * 0.001f);
  for (int i = -100; i <= 100; ++i) values.push_back(static_cast<float>(i) * 0.01f);
  return values;
}

void compare(Curves::Curve* function, double (*exact)(double)) {
  const std::vector<float> x = arguments();
  std::vector<float> y = x;
  function(y.data(), y.data(), static_cast<std::int64_t>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO("at " << x[i]);
    const double expected = exact(static_cast<double>(x[i]));
    if (std::isnan(expected) || static_cast<float>(expected) == static_cast<float>(INFINITY))
      REQUIRE(std::isnan(y[i]) == std::isnan(expected));
    else
      REQUIRE(static_cast<double>(y[i]) == Approx(expected).epsilon(1e-6).margin(1e-37));
  }
  float nothing = std::numeric_limits<float>::quiet_NaN();
  function(&nothing, &nothing, 1);
  CHECK(std::isnan(nothing));
}

/// Near a wave's zeros nothing is exact relative to it; far away, and at infinity, all is.
void compare_waves(Curves::Curve* function, double (*exact)(double)) {
  std::vector<float> x{-0.0f, 0.0f};
  for (int i = -8000; i <= 8000; ++i) x.push_back(static_cast<float>(i) * (i % 2 == 0 ? 1.0f : 0.001f));
  std::vector<float> y = x;
  function(y.data(), y.data(), static_cast<std::int64_t>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO("at " << x[i]);
    REQUIRE(static_cast<double>(y[i]) == Approx(exact(static_cast<double>(x[i]))).margin(3e-7));
  }
  const float far[]{1e6f, INFINITY, 1e30f};
  float of_far[3];
  function(far, of_far, 3);
  CHECK(static_cast<double>(of_far[0]) == Approx(exact(1e6)));
  CHECK(std::isnan(of_far[1]));
  CHECK(static_cast<double>(of_far[2]) == Approx(exact(static_cast<double>(1e30f))));
}

void compare_sums(const Curves& curves) {
  for (const std::int64_t count : {1, 15, 16, 17, 100}) {
    INFO(count << " elements");
    std::vector<float> x;
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      x.push_back(100 + std::sin(static_cast<float>(7 * i)) * 5);
      sum += std::exp(static_cast<double>(x.back()) - 100);
    }
    CHECK(static_cast<double>(curves.log_sum_exp(x.data(), count)) ==
          Approx(100 + std::log(sum)).epsilon(1e-6));
  }
}

void compare(const Curves& curves) {
  compare(curves.acos, std::acos);
  compare(curves.asin, std::asin);
  compare(curves.atan, std::atan);
  compare_waves(curves.cos, std::cos);
  compare_waves(curves.sin, std::sin);
  compare(curves.erf, std::erf);
  compare(curves.exp, [](double x) { return std::exp(x); });
  compare(curves.logistic, [](double x) { return 1 / (1 + std::exp(-x)); });
  compare(curves.tanh, [](double x) { return std::tanh(x); });
  compare_sums(curves);
}

}  // namespace

TEST_CASE("the curves of every instruction set this processor has are exact to a millionth", "[curves]") {
  compare(kPortableCurves);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) compare(kAvx2Curves);
  if (__builtin_cpu_supports("avx512f")) compare(kAvx512Curves);
#endif
}

}  // namespace dormouse::engine
