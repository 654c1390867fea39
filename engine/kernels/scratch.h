#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dormouse::engine {

/// Scratch memory cut into arrays one after another, each aligned as the whole is.
class Scratch {
 public:
  explicit Scratch(std::span<std::byte> memory) : rest_(memory) {}

  /// The next `count` elements, not initialised.
  template <class T>
  T* take(std::int64_t count) {
    T* const taken = reinterpret_cast<T*>(rest_.data());
    rest_ = rest_.subspan(bytes(count, sizeof(T)));
    return taken;
  }
  std::span<std::byte> rest() const { return rest_; }

  /// What take() of `count` elements of `size` bytes takes.
  static std::size_t bytes(std::int64_t count, std::size_t size) {
    return (static_cast<std::size_t>(count) * size + 63) / 64 * 64;
  }

 private:
  std::span<std::byte> rest_;
};

}  // namespace dormouse::engine
