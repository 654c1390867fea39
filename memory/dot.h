#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dormouse::memory {

/// Rows of codes are padded with zeros to a multiple of this many.
inline constexpr std::size_t kDotStep = 32;

/// products[i] = Σ query[j] · rows[i][j] over n codes, for i < count.
///
/// `n` is a multiple of kDotStep and at most 65,536: then int32 holds every sum. Exact for all codes.
using DotKernel = void (*)(const std::int8_t* query, const std::int8_t* const* rows, std::size_t n,
                           std::size_t count, std::int32_t* products) noexcept;

struct NamedDotKernel {
  std::string_view name;
  DotKernel kernel;
};

/// Those that this processor runs, the fastest first, the portable one last.
std::span<const NamedDotKernel> dot_kernels();
inline DotKernel best_dot() { return dot_kernels().front().kernel; }

}  // namespace dormouse::memory
