#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "engine/kernels/half_rows.h"

namespace dormouse::engine {

TEST_CASE("the processor's own conversion of halves gives the same bits", "[halves]") {
  constexpr std::int64_t kHalves = 1 << 16;
  std::vector<Half> halves(kHalves), back(kHalves);
  std::vector<float> wide(kHalves), other(kHalves);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i].bits = static_cast<std::uint16_t>(i);
  kPortableHalfRows.widen(halves.data(), wide.data(), kHalves);
  best_half_rows().widen(halves.data(), other.data(), kHalves);
  for (std::size_t i = 0; i < wide.size(); ++i)
    REQUIRE((wide[i] == other[i] || (std::isnan(wide[i]) && std::isnan(other[i]))));

  // Between halves, on them, and where they end.
  for (std::size_t i = 0; i < wide.size(); ++i)
    wide[i] = wide[i] * (1 + static_cast<float>(i % 9) * 0x1p-13f) + (i % 7 == 0 ? 0x1p-25f : 0.0f);
  const std::int64_t odd = kHalves - 3;
  kPortableHalfRows.narrow(wide.data(), halves.data(), odd);
  best_half_rows().narrow(wide.data(), back.data(), odd);
  for (std::size_t i = 0; i < static_cast<std::size_t>(odd); ++i) {
    INFO(wide[i]);
    REQUIRE((halves[i].bits == back[i].bits || std::isnan(wide[i])));
  }
}

}  // namespace dormouse::engine
