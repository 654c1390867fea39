#include "hrm/blend.h"

#include <catch2/catch.hpp>
#include <random>

using namespace dormouse::hrm;

namespace {

/// Three classes; the executor says `sure` of the one it names, memory has its nearest neighbour of another.
void show(BlendFit& fit, std::size_t named, float sure, std::uint32_t near, float distance,
          std::size_t truth) {
  std::vector<float> low(3, (1 - sure) / 2);
  low[named] = sure;
  const std::vector<Neighbour> neighbours{{near, distance}, {(near + 1) % 3, 1}, {(near + 2) % 3, 1}};
  fit.add(low, {neighbours, {}}, truth);
}

}  // namespace

TEST_CASE("who is right more often gets the greater share of a hybrid answer", "[blend]") {
  BlendFit memory, executor;
  for (std::size_t i = 0; i < 60; ++i) {
    const auto truth = static_cast<std::uint32_t>(i % 3), other = (truth + 1) % 3;
    show(memory, i % 10 == 0 ? truth : other, 0.6f, truth, 0.2f, truth);
    show(executor, truth, 0.6f, i % 10 == 0 ? truth : other, 0.2f, truth);
  }
  CHECK(memory.best().mixing < 0.3f);
  CHECK(executor.best().mixing > 0.7f);
}

TEST_CASE("memory that is often wrong is taken less literally", "[blend]") {
  BlendFit sharp, soft;
  std::mt19937 random(1);
  INFO("seed 1");
  for (std::size_t i = 0; i < 300; ++i) {
    const auto truth = static_cast<std::uint32_t>(i % 3);
    show(sharp, 0, 1.0f / 3, truth, 0.7f, truth);
    show(soft, 0, 1.0f / 3, random() % 10 < 5 ? truth : (truth + 1) % 3, 0.7f, truth);
  }
  CHECK(sharp.best().temperature < soft.best().temperature);
}

TEST_CASE("a few examples teach nothing yet", "[blend]") {
  BlendFit fit;
  for (int i = 0; i < 19; ++i) show(fit, 0, 0.9f, 1, 0.2f, 1);
  CHECK(fit.best() == Blend{});
  fit.add(std::vector<float>{0.5f, 0.5f}, {}, 0);  // nothing is remembered
  CHECK(fit.best() == Blend{});
  show(fit, 0, 0.9f, 1, 0.2f, 1);
  CHECK(fit.best().mixing < 0.5f);
}
