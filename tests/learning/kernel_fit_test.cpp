#include "learning/kernel_fit.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "learning/calibration.h"
#include "learning/cholesky.h"
#include "learning/random.h"

namespace dormouse::learning {
namespace {

/// Two rings around each other: no linear head can tell them apart.
LabelledLatents rings(std::size_t count, Random& random) {
  LabelledLatents data;
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double angle = 2 * 3.14159265 * random.uniform(), radius = (i % 2 ? 2 : 1) + 0.1 * random.normal();
    values.push_back(static_cast<float>(radius * std::cos(angle)));
    values.push_back(static_cast<float>(radius * std::sin(angle)));
    data.classes.push_back(static_cast<ClassIndex>(i % 2));
  }
  data.latents = Tensor::from<float>(Shape{std::int64_t(count), 2}, values);
  return data;
}

std::size_t right(const engine::KernelHead& head, const LabelledLatents& data) {
  const auto said = predictions(head.scores(data.latents));
  std::size_t count = 0;
  for (std::size_t i = 0; i < data.size(); ++i) count += said[i] == data.classes[i];
  return count;
}

}  // namespace

TEST_CASE("a kernel head separates what no linear head can") {
  Random random(1);
  const engine::KernelHead head = fit_kernel(rings(200, random), 2);
  CHECK(right(head, rings(400, random)) >= 396);
}

TEST_CASE("the ridge is what keeps a kernel head from its examples") {
  Random random(2);
  const LabelledLatents data = rings(60, random);
  const auto residual = [&](double ridge) {
    const Tensor scores =
        fit_kernel(data, 2, {.width = 40, .ridge = ridge, .balance = 1}).scores(data.latents);
    double sum = 0;
    for (std::size_t i = 0; i < data.size(); ++i)
      sum += std::abs(1 - double{scores.values<float>()[2 * i + data.classes[i]]});
    return sum / double(data.size());
  };
  CHECK(residual(1e-9) < 1e-3);
  CHECK(residual(0.1) > residual(1e-9));
  CHECK(residual(1) > residual(0.1));
}

TEST_CASE("a class of few examples weighs as much as one of many") {
  Random random(3);
  LabelledLatents data = rings(400, random);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < data.size(); ++i)
    if (data.classes[i] == 0 || i % 20 == 1) kept.push_back(i);
  const LabelledLatents few = gather(data, kept), test = rings(400, random);
  const auto fair = fit_kernel(few, 2, {.width = 1.5, .ridge = 5, .balance = 1});
  const auto unfair = fit_kernel(few, 2, {.width = 1.5, .ridge = 5, .balance = 0});
  CHECK(right(fair, test) > right(unfair, test));
}

TEST_CASE("a kernel head on bad or little data") {
  Random random(4);
  LabelledLatents data = rings(4, random);
  const LabelledLatents one = gather(data, std::vector<std::size_t>{0});
  const engine::KernelHead head = fit_kernel(one, 3);
  CHECK(predictions(head.scores(data.latents))[0] == 0);
  CHECK(head.scores(one.latents).values<float>()[2] == Approx(-1));
  data.latents.mutable_values<float>()[3] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(fit_kernel(data, 2), Failure);
}

TEST_CASE("a kernel head answers one latent as it answers many") {
  Random random(6);
  for (const std::size_t count : {1u, 31u, 130u}) {
    const engine::KernelHead head = fit_kernel(rings(count, random), 3);
    const LabelledLatents test = rings(20, random);
    const Tensor many = head.scores(test.latents);
    for (std::size_t i = 0; i < test.size(); ++i) {
      std::vector<float> one(3);
      head.scores(test.row(i), one);
      for (std::size_t c = 0; c < 3; ++c)
        CHECK(one[c] == Approx(many.values<float>()[3 * i + c]).margin(1e-4));
    }
  }
}

TEST_CASE("a kernel is fitted in many pieces") {
  Random random(7);
  KernelFit fit(rings(500, random), 2);
  std::size_t pieces = 1;
  while (fit.advance()) ++pieces;
  CHECK(pieces > 8);
  CHECK(right(fit.head(), rings(400, random)) >= 396);
}

TEST_CASE("Cholesky's factor solves systems larger than its blocks") {
  Random random(5);
  for (const std::size_t n : {1u, 63u, 64u, 65u, 200u}) {
    std::vector<double> half(n * n), lower, x(2 * n), b(2 * n);
    for (double& value : half) value = random.normal();
    for (double& value : x) value = random.normal();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double a = i == j ? 1 : 0;
        for (std::size_t k = 0; k < n; ++k) a += half[i * n + k] * half[j * n + k];
        if (j <= i) lower.push_back(a);
        for (std::size_t c = 0; c < 2; ++c) b[2 * i + c] += a * x[2 * j + c];
      }
    INFO(n);
    std::vector<double> square(n * n), again = b;
    for (std::size_t i = 0, at = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j) square[i * n + j] = lower[at++];
    Cholesky(lower, n).solve(b, 2);
    Cholesky stepwise = Cholesky::begin(std::move(square), n);
    while (stepwise.advance(1)) {
    }
    stepwise.solve(again, 2);
    CHECK(again == b);
    for (std::size_t i = 0; i < b.size(); ++i) REQUIRE(b[i] == Approx(x[i]).margin(1e-7));
  }
}

}  // namespace dormouse::learning
