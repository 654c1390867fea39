#include <algorithm>
#include <array>
#include <vector>

#include "drivers/vulkan/kernel.h"
#include "engine/op.h"

namespace dormouse::drivers::vulkan {

// elementwise.cpp
extern const std::array<Kernel, 60> elementwise_kernels;
extern const std::array<Kernel, 5> selecting_kernels;
// products.cpp, reduction.cpp, moving.cpp, windows.cpp, rows.cpp, updates.cpp, sequences.cpp
extern const std::array<Kernel, 2> product_kernels;
extern const std::array<Kernel, 13> reduction_kernels;
extern const std::array<Kernel, 21> moving_kernels;
extern const std::array<Kernel, 8> window_kernels;
extern const std::array<Kernel, 9> row_kernels;
extern const std::array<Kernel, 4> update_kernels;
extern const std::array<Kernel, 5> sequence_kernels;
// recurrent.cpp, resizing.cpp, ternary.cpp
extern const std::array<Kernel, 3> recurrent_kernels;
extern const std::array<Kernel, 2> resizing_kernels;
extern const std::array<Kernel, 2> ternary_kernels;

std::span<const Kernel* const> all_kernels() {
  static const std::vector<const Kernel*> table = [] {
    std::vector<const Kernel*> all;
    const auto add = [&](std::span<const Kernel> kernels) {
      for (const Kernel& kernel : kernels) all.push_back(&kernel);
    };
    add(elementwise_kernels);
    add(selecting_kernels);
    add(product_kernels);
    add(reduction_kernels);
    add(moving_kernels);
    add(window_kernels);
    add(row_kernels);
    add(update_kernels);
    add(sequence_kernels);
    add(recurrent_kernels);
    add(resizing_kernels);
    add(ternary_kernels);
    return all;
  }();
  return table;
}

const Kernel* find_kernel(const engine::Op& op) {
  if (!op.domain.empty() && op.domain != "dormouse") return nullptr;
  const auto found = std::ranges::find(all_kernels(), op.name, &Kernel::op);
  return found == all_kernels().end() ? nullptr : *found;
}

}  // namespace dormouse::drivers::vulkan
