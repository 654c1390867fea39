#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/kernels/quantize.h"
#include "engine/kernels/quantize_rows.h"

namespace dormouse::engine {

TEST_CASE("rows are quantised as each number is, on every instruction set", "[quantize]") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> x{0, -0.0f, 0.5f, 1.5f, -0.5f, 1e30f, -1e30f, kInfinity, -kInfinity, std::nanf("")};
  for (int i = -700; i <= 700; ++i) x.push_back(0.25f * static_cast<float>(i));
  std::vector<const QuantizeRows*> ways{&kPortableQuantizeRows, &best_quantize_rows()};
  const float scale = GENERATE(0.5f, 1.0f, 0.3f);
  for (const QuantizeRows* way : ways) {
    std::vector<std::uint8_t> unsigned_ones(x.size());
    way->u8(x.data(), unsigned_ones.data(), std::ssize(x), scale, 128);
    std::vector<std::int8_t> signed_ones(x.size());
    way->i8(x.data(), signed_ones.data(), std::ssize(x), scale, -3);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      CHECK(unsigned_ones[i] == quantized<std::uint8_t>(x[i] / scale, 128));
      CHECK(signed_ones[i] == quantized<std::int8_t>(x[i] / scale, -3));
    }
  }
}

}  // namespace dormouse::engine
