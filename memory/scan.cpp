#include <array>

#include "memory/candidates.h"

namespace dormouse::memory {

void scan(const VectorRows& rows, std::size_t from, std::size_t to, const Query& query, const Filter& filter,
          Best& best) {
  constexpr std::size_t kBlock = 32;
  const DotKernel dot = best_dot();
  std::array<const std::int8_t*, kBlock> codes;
  std::array<std::int32_t, kBlock> products;
  std::array<float, kBlock> scores;
  while (from < to) {
    // A block lies within one chunk, so its columns are contiguous.
    const std::size_t count =
        std::min({kBlock, to - from, VectorRows::kChunkRows - from % VectorRows::kChunkRows});
    const std::int8_t* next = rows.codes(from);
    for (std::size_t i = 0; i < count; ++i, next += rows.stride()) codes[i] = next;
    dot(query.codes.data(), codes.data(), rows.stride(), count, products.data());
    const VectorRows::Measure* const measures = &rows.measure(from);
    const float factor = query.factor;
    const float worst = best.worst();
    int promising = 0;  // counted without a branch, hence by vectors: most blocks have none
    for (std::size_t i = 0; i < count; ++i) {
      scores[i] = score(factor, products[i], measures[i]);
      promising += scores[i] <= worst;
    }
    for (std::size_t i = 0; promising > 0 && i < count; ++i) {
      if (scores[i] > worst) continue;
      --promising;
      const std::size_t row = from + i;
      if (rows.passes(row, filter)) best.offer({scores[i], static_cast<std::uint32_t>(row), rows.id(row)});
    }
    from += count;
  }
}

}  // namespace dormouse::memory
