#include "memory/episode.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "config/error.h"
#include "memory/ids.h"
#include "memory/options.h"

using namespace dormouse;
using namespace dormouse::memory;

TEST_CASE("a coded latent is within half a step of the latent", "[memory]") {
  std::mt19937 random(7);
  INFO("seed 7");
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> latent(257);
  for (float& x : latent) x = normal(random);
  const CodedLatent coded = quantise(latent);
  const auto back = dequantise(coded);
  for (std::size_t i = 0; i < latent.size(); ++i)
    CHECK(std::abs(back[i] - latent[i]) <= coded.scale * 0.5001f);
}

TEST_CASE("half precision keeps eleven bits of every element, and codes beside them", "[memory]") {
  std::mt19937 random(2);
  INFO("seed 2");
  std::normal_distribution<float> normal(0, 10);
  std::vector<float> latent(500);
  for (float& x : latent) x = normal(random);
  const CodedLatent coded = encode(latent, LatentFormat::f16);
  const auto back = dequantise(coded);
  for (std::size_t i = 0; i < latent.size(); ++i)
    CHECK(std::abs(back[i] - latent[i]) <= std::ldexp(std::abs(latent[i]), -11) + 1e-7f);
  CHECK(coded.codes == quantise(back).codes);
  CHECK(encoded(coded.halves) == coded);
  CHECK(encode(latent, LatentFormat::int8) == quantise(latent));
  latent[3] = 70'000;  // no half
  CHECK(encode(latent, LatentFormat::f16) == quantise(latent));
  latent[3] = std::nanf("");
  CHECK_THROWS_AS(encode(latent, LatentFormat::f16), Failure);
}

TEST_CASE("zeros, tiny and enormous latents survive coding", "[memory]") {
  CHECK(dequantise(quantise(std::vector<float>(4))) == std::vector<float>(4));
  const float most = std::numeric_limits<float>::max();
  CHECK(quantise(std::vector{most, -most}).codes == std::vector<std::int8_t>{127, -127});
  const float least = std::numeric_limits<float>::denorm_min();
  for (float x : dequantise(quantise(std::vector{least, -least, 0.0f}))) CHECK(std::isfinite(x));
}

TEST_CASE("a latent that is not finite is refused", "[memory]") {
  CHECK_THROWS_AS(quantise(std::vector{1.0f, std::nanf("")}), Failure);
  CHECK_THROWS_AS(quantise(std::vector{std::numeric_limits<float>::infinity()}), Failure);
}

TEST_CASE("one id in five is held out, at every stride", "[memory]") {
  for (EpisodeId stride : {1, 2, 5, 10, 64, 1000, 1024}) {
    int held_out = 0;
    constexpr int n = 20'000;
    for (int i = 0; i < n; ++i) held_out += is_held_out(1 + static_cast<EpisodeId>(i) * stride) ? 1 : 0;
    INFO("stride " << stride << ": " << held_out);
    CHECK(std::abs(held_out - n / 5) < 5 * std::sqrt(n * 0.2 * 0.8));  // five standard deviations
  }
}

TEST_CASE("being held out does not run in rows", "[memory]") {
  int both = 0;
  constexpr int n = 100'000;
  for (EpisodeId id = 1; id <= n; ++id) both += is_held_out(id) && is_held_out(id + 1) ? 1 : 0;
  CHECK(std::abs(both - n / 25) < 5 * std::sqrt(n * 0.04));
}

TEST_CASE("which ids are held out never changes", "[memory]") {
  std::vector<EpisodeId> held_out;
  for (EpisodeId id = 1; id <= 40; ++id) {
    if (is_held_out(id)) held_out.push_back(id);
  }
  CHECK(held_out == std::vector<EpisodeId>{3, 10, 18, 21, 33});
}

TEST_CASE("ids come from the blocks in order and end with them", "[memory]") {
  IdAllocator ids;
  CHECK_FALSE(ids.take().has_value());
  ids.add({5, 2});
  ids.add({100, 1});
  CHECK(ids.left() == 3);
  CHECK(ids.take() == EpisodeId{5});
  CHECK(ids.take() == EpisodeId{6});
  CHECK(ids.take() == EpisodeId{100});
  CHECK_FALSE(ids.take().has_value());
  CHECK(ids.runs_low());
}

TEST_CASE("memory's options come from the configuration", "[memory]") {
  const auto options = config::read<Options>(
      config::load_text("working: {items: 64}\nepisodic: {capacity: 500, disk: 64MiB}", "t.yaml"));
  CHECK(options.working.items == 64);
  CHECK(options.episodic.capacity == 500);
  CHECK(options.episodic.disk.count == 64u << 20);
  CHECK_THROWS_WITH(config::read<Options>(config::load_text("episodic: {capcity: 5}", "t.yaml")),
                    Catch::Contains("did you mean 'capacity'?"));
}
