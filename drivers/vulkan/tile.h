#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace dormouse::drivers::vulkan {

/// How shaders/product.comp cuts a product: the tile of the result that a work group makes, how far it reads
/// along the sum at once, and what a thread keeps. Every tile computes the same, to rounding.
struct Tile {
  std::uint32_t m = 32, n = 32, k = 16;
  std::uint32_t rows = 1, columns = 1;  ///< of a thread, by fours
  /// Sums are split between work groups until there are so many times the groups that keep a device busy.
  std::uint32_t spread = 2;

  std::uint32_t threads() const { return m / 4 / rows * (n / 4 / columns); }
  std::uint32_t shared_bytes() const { return 16 * k * (m / 4 + 1 + n / 4 + 1); }
  /// Where subgroups of 32 threads multiply blocks of f16, each with a block of f32 to hand over.
  std::uint32_t shared_bytes_of_matrices() const {
    return 2 * std::max(k, 16u) * (m + 8 + n + 8) + threads() / 32 * 1024;
  }
  auto operator<=>(const Tile&) const = default;
};

/// "64x32x16-1x2-2".
std::string to_string(const Tile& tile);

/// Those worth trying, each spread as usual, on a device that has so many threads in a work group, and so
/// many bytes for them to share; likely ones first. `matrices`: which multiplies blocks, too.
std::vector<Tile> tiles_for(std::uint32_t threads, std::uint32_t shared_bytes, bool matrices);

}  // namespace dormouse::drivers::vulkan
