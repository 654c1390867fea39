#include "learning/privacy.h"

#include <cmath>

#include "config/error.h"
#include "learning/secure.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

/// ε of the conversion that was usual before (Mironov 2017, proposition 3), which published figures use.
double classical(const PrivacyLoss& loss, double delta) {
  double least = INFINITY;
  for (std::size_t i = 0; i < privacy_orders().size(); ++i)
    least = std::min(least, loss.by_order()[i] - std::log(delta) / (privacy_orders()[i] - 1));
  return least;
}

PrivacyLoss mnist(double noise, std::size_t epochs) { return {256.0 / 60000, noise, epochs * 60000 / 256}; }

}  // namespace

TEST_CASE("the accountant gives the published figures of DP-SGD on MNIST", "[privacy]") {
  // tensorflow/privacy, tutorials/README.md (n = 60000, batch 256, δ = 1e-5); it also tries fractional
  // orders, which matter most where ε is large.
  CHECK(classical(mnist(1.12, 60), 1e-5) == Approx(2.92).margin(0.02));
  CHECK(classical(mnist(1.2, 10), 1e-5) == Approx(1.20).margin(0.02));
  CHECK(classical(mnist(0.6, 30), 1e-5) == Approx(9.74).margin(0.1));
  CHECK(classical(mnist(1.1, 60), 1e-5) == Approx(3.01).margin(0.01));
  CHECK(mnist(1.1, 60).epsilon(1e-5) == Approx(2.60).margin(0.01));
}

TEST_CASE("a sample of everybody leaves the plain Gaussian mechanism", "[privacy]") {
  for (const double noise : {0.7, 1.1, 4.0})
    for (const int order : privacy_orders()) {
      CHECK(subsampled_gaussian_rdp(1, noise, order) == Approx(order / (2 * noise * noise)));
      CHECK(subsampled_gaussian_rdp(1 - 1e-12, noise, order) == Approx(order / (2 * noise * noise)));
    }
}

TEST_CASE("order 2 of the subsampled Gaussian is known in closed form", "[privacy]") {
  for (const double rate : {1e-4, 0.01, 0.3})
    CHECK(subsampled_gaussian_rdp(rate, 1.1, 2) ==
          Approx(std::log1p(rate * rate * std::expm1(1 / (1.1 * 1.1)))).epsilon(1e-6));
}

TEST_CASE("more steps and larger samples cost privacy, noise saves it, and losses add up", "[privacy]") {
  double before = 0;
  for (const std::size_t steps : {1, 10, 100, 1000}) {
    const double now = PrivacyLoss(0.01, 1.1, steps).epsilon(1e-5);
    CHECK(now > before);
    before = now;
  }
  before = 0;
  for (const double rate : {0.001, 0.01, 0.1, 0.5, 1.0}) {
    const double now = PrivacyLoss(rate, 1.1, 100).epsilon(1e-5);
    CHECK(now > before);
    before = now;
  }
  for (const double noise : {8.0, 4.0, 2.0, 1.0, 0.5}) {
    const double now = PrivacyLoss(0.01, noise, 100).epsilon(1e-5);
    CHECK(now > (noise == 8.0 ? 0 : PrivacyLoss(0.01, 2 * noise, 100).epsilon(1e-5)));
  }
  PrivacyLoss sum(0.02, 1.1, 30);
  sum += PrivacyLoss(0.02, 1.1, 70);
  CHECK(sum.epsilon(1e-5) == Approx(PrivacyLoss(0.02, 1.1, 100).epsilon(1e-5)));
  CHECK(PrivacyLoss().epsilon(1e-5) == 0);
  CHECK(PrivacyLoss(0, 1.1, 100).epsilon(1e-5) == 0);
}

TEST_CASE("steps are afforded up to the budget and not beyond", "[privacy]") {
  const PrivacyOptions options;
  const PrivacyLoss spent(0.05, 1.1, 50);
  const std::size_t steps = affordable_steps(spent, options, 0.05, 100000);
  REQUIRE(steps > 0);
  REQUIRE(steps < 100000);
  const auto after = [&](std::size_t more) {
    PrivacyLoss all(0.05, options.noise, more);
    return (all += spent).epsilon(options.delta);
  };
  CHECK(after(steps) <= options.epsilon);
  CHECK(after(steps + 1) > options.epsilon);
  CHECK(affordable_steps(spent, options, 0.05, 3) == 3);
  CHECK(affordable_steps(PrivacyLoss(1, 1.1, 1000), options, 0.05, 100) == 0);
}

TEST_CASE("a loss survives being written down, and what is not written counts as spent", "[privacy]") {
  const PrivacyLoss loss(0.03, 0.9, 77);
  CHECK(PrivacyLoss::parse(loss.text()).epsilon(1e-6) == Approx(loss.epsilon(1e-6)));
  CHECK(std::isinf(PrivacyLoss::parse("{}").epsilon(1e-5)));
  const PrivacyLoss few = PrivacyLoss::parse(R"({"2": 0.5})");
  CHECK(few.epsilon(1e-5) > 0.5);
  CHECK(PrivacyLoss::parse(few.text()).epsilon(1e-5) == few.epsilon(1e-5));
  for (const char* damaged : {"", "[1]", R"({"2": -1})", R"({"2": "much"})"}) {
    INFO(damaged);
    CHECK_THROWS_AS(PrivacyLoss::parse(damaged), Failure);
  }
}

TEST_CASE("secure noise is normal and never the same twice", "[privacy]") {
  SecureRandom random, other;
  constexpr int kDraws = 200000;
  double sums[5] = {}, largest = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    REQUIRE(std::isfinite(x));
    for (int power = 1; power <= 4; ++power) sums[power] += std::pow(x, power) / kDraws;
    largest = std::max(largest, std::abs(x));
  }
  // Seven standard errors of each moment: fails by chance once in 10¹¹ runs.
  const double error = 7 / std::sqrt(double{kDraws});
  CHECK(std::abs(sums[1]) < error);
  CHECK(std::abs(sums[2] - 1) < error * std::sqrt(2));
  CHECK(std::abs(sums[3]) < error * std::sqrt(15));
  CHECK(std::abs(sums[4] - 3) < error * std::sqrt(96));
  CHECK(largest > 3.5);
  CHECK(random.normal() != other.normal());

  int hits = 0;
  for (int i = 0; i < kDraws; ++i) hits += random.chance(0.2);
  CHECK(std::abs(hits / double{kDraws} - 0.2) < 0.4 * error);
  CHECK(random.chance(1));
  CHECK_FALSE(random.chance(0));
}
