#include "learning/kernel_head.h"

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

std::size_t right(const KernelHead& head, const LabelledLatents& data) {
  const auto said = predictions(head.scores(data.latents));
  std::size_t count = 0;
  for (std::size_t i = 0; i < data.size(); ++i) count += said[i] == data.classes[i];
  return count;
}

}  // namespace

TEST_CASE("a kernel head separates what no linear head can") {
  Random random(1);
  const KernelHead head(rings(200, random), 2);
  CHECK(right(head, rings(400, random)) >= 396);
}

TEST_CASE("the ridge is what keeps a kernel head from its examples") {
  Random random(2);
  const LabelledLatents data = rings(60, random);
  const auto residual = [&](double ridge) {
    const Tensor scores =
        KernelHead(data, 2, {.width = 40, .ridge = ridge, .balance = 1}).scores(data.latents);
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
  const KernelHead fair(few, 2, {.width = 1.5, .ridge = 5, .balance = 1});
  const KernelHead unfair(few, 2, {.width = 1.5, .ridge = 5, .balance = 0});
  CHECK(right(fair, test) > right(unfair, test));
}

TEST_CASE("a kernel head on bad or little data") {
  Random random(4);
  LabelledLatents data = rings(4, random);
  const LabelledLatents one = gather(data, std::vector<std::size_t>{0});
  const KernelHead head(one, 3);
  CHECK(predictions(head.scores(data.latents))[0] == 0);
  CHECK(head.scores(one.latents).values<float>()[2] == Approx(-1));
  data.latents.mutable_values<float>()[3] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(KernelHead(data, 2), Failure);
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
    Cholesky(lower, n).solve(b, 2);
    INFO(n);
    for (std::size_t i = 0; i < b.size(); ++i) REQUIRE(b[i] == Approx(x[i]).margin(1e-7));
  }
}

}  // namespace dormouse::learning
