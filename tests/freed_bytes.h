#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <span>
#include <vector>

namespace dormouse {

/// Heap memory that looks at the bytes it gets back.
class FreedBytes final : public std::pmr::memory_resource {
 public:
  std::size_t freed() const { return freed_; }              ///< bytes
  std::size_t left_behind() const { return left_behind_; }  ///< of them not zero

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    const std::span held(static_cast<const std::byte*>(memory), bytes);
    freed_ += bytes;
    left_behind_ +=
        static_cast<std::size_t>(std::ranges::count_if(held, [](std::byte b) { return b != std::byte{0}; }));
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::size_t freed_ = 0, left_behind_ = 0;
};

}  // namespace dormouse
