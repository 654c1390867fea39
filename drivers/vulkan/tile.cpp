#include "drivers/vulkan/tile.h"

#include <sstream>

namespace dormouse::drivers::vulkan {

std::string to_string(const Tile& tile) {
  std::ostringstream text;
  text << tile.m << 'x' << tile.n << 'x' << tile.k << '-' << tile.rows << 'x' << tile.columns << '-'
       << tile.spread;
  return text.str();
}

std::vector<Tile> tiles_for(std::uint32_t threads, std::uint32_t shared_bytes, bool matrices) {
  // A multiple of n threads each, as the shader has it, and tiles of 4 threads or more across.
  constexpr Tile all[] = {{32, 32, 16, 1, 1}, {64, 64, 16, 1, 1}, {64, 32, 16, 1, 1}, {32, 64, 16, 1, 1},
                          {16, 64, 16, 1, 1}, {64, 64, 16, 2, 2}, {128, 128, 8, 2, 2}};
  std::vector<Tile> fitting;
  for (const Tile& tile : all)
    if (tile.threads() <= threads && tile.shared_bytes() <= shared_bytes &&
        (!matrices || tile.shared_bytes_of_matrices() <= shared_bytes))
      fitting.push_back(tile);
  return fitting;
}

}  // namespace dormouse::drivers::vulkan
