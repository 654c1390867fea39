#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/op.h"
#include "engine/parallel.h"

namespace dormouse::engine {

/// A call cut into several of the same kernel, which threads share; the kernel knows nothing of it.
///
/// An element-wise operator is cut along the outermost dimension of its outputs and what broadcasting pairs
/// with it; convolutions, pools and their gradients by images. What is summed over images is summed in runs
/// whose number follows from the extents alone, threads or not, and the sums are added in order. So the
/// number of threads changes no result.
class Pieces {
 public:
  /// Null where the call is not cut: its operator cannot be, or there is too little to do.
  static std::shared_ptr<const Pieces> of(const Op& op, const KernelContext& whole, const Parallel* parallel);

  /// Of all pieces together.
  std::size_t scratch_bytes() const;
  /// `whole`: operands of the shapes that it was made for, wherever they lie by now.
  void run(Kernel kernel, const KernelContext& whole) const;

 private:
  class Making;
  Pieces() = default;
  Run items_of(std::int64_t piece) const;
  void run_piece(Kernel kernel, const KernelContext& whole, std::int64_t piece,
                 std::span<std::byte> scratch) const;
  std::byte* sum_of(const KernelContext& whole, std::int64_t piece) const;
  void add_sum(const KernelContext& whole, std::int64_t piece) const;

  const Parallel* parallel_ = nullptr;
  std::int64_t pieces_ = 1;
  std::int64_t parts_ = 1;  ///< that run at once
  std::int64_t items_ = 0;
  std::int64_t unit_ = 1;           ///< items that stay together
  std::vector<std::size_t> steps_;  ///< by operand, outputs last: bytes of an item; 0 where all share it
  std::vector<Shape> shapes_;       ///< by piece, then by operand
  std::size_t scratch_ = 0;         ///< of a part, in bytes
  bool summed_ = false;
  std::size_t sum_bytes_ = 0;
};

}  // namespace dormouse::engine
