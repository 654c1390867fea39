#pragma once

#include "memory/dot.h"

/// The kernels of one architecture, for dot.cpp alone.
namespace dormouse::memory {

/// Those that this processor runs, the fastest first; as many as fit into `out`.
std::size_t simd_dot_kernels(std::span<NamedDotKernel> out);
/// One that this processor runs and that beats score_rows(); nullptr: there is none.
ScoreKernel simd_score_kernel();
/// Nothing where there are none.
const SquaresKernels* simd_squares_kernels();
/// The same beside select_rows().
SelectKernel simd_select_kernel();

}  // namespace dormouse::memory
