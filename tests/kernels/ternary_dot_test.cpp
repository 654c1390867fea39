#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "engine/kernels/ternary.h"

namespace dormouse::engine {

TEST_CASE("every instruction set sums ternary products alike", "[ternary]") {
  std::mt19937 random(3);
  for (const std::size_t size : {1u, 127u, 128u, 129u, 1000u, 3000u}) {
    INFO(size);
    const auto blocks = ternary_blocks(static_cast<std::int64_t>(size));
    std::vector<float> weights(size);
    std::vector<std::int8_t> x(static_cast<std::size_t>(blocks * kTernaryBlock));
    std::int64_t expected = 0;
    for (std::size_t i = 0; i < size; ++i) {
      weights[i] = static_cast<float>(random() % 3) - 1;
      x[i] = static_cast<std::int8_t>(random() % 256);
      expected += static_cast<std::int64_t>(weights[i]) * x[i];
    }
    std::vector<std::uint8_t> packed(static_cast<std::size_t>(blocks * kTernaryBytes));
    pack_ternary(weights, 1, packed.data());
    CHECK(kPortableTernaryDot.run(blocks, packed.data(), x.data()) == expected);
    CHECK(best_ternary_dot().run(blocks, packed.data(), x.data()) == expected);
#if defined(__aarch64__)
    CHECK(kNeonTernaryDot.run(blocks, packed.data(), x.data()) == expected);
#endif
    // The largest sums there are.
    std::ranges::fill(weights, 1.0f);
    std::fill_n(x.begin(), size, std::int8_t{-128});
    pack_ternary(weights, 1, packed.data());
    CHECK(best_ternary_dot().run(blocks, packed.data(), x.data()) == -128 * static_cast<int>(size));
#if defined(__aarch64__)
    CHECK(kNeonTernaryDot.run(blocks, packed.data(), x.data()) == -128 * static_cast<int>(size));
#endif
  }
}

}  // namespace dormouse::engine
