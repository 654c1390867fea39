#pragma once

#include <utility>

#include "drivers/vulkan/api.h"

namespace dormouse::drivers::vulkan {

/// A handle of a device's, destroyed with it.
template <class T>
class Owned {
 public:
  using Destroy = void (*)(VkDevice, T, const VkAllocationCallbacks*);

  Owned() = default;
  Owned(VkDevice device, T handle, Destroy destroy) : device_(device), handle_(handle), destroy_(destroy) {}
  ~Owned() {
    if (handle_) destroy_(device_, handle_, nullptr);
  }
  Owned(Owned&& other) noexcept
      : device_(other.device_), handle_(std::exchange(other.handle_, T{})), destroy_(other.destroy_) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    std::swap(destroy_, other.destroy_);
    return *this;
  }

  T get() const { return handle_; }
  /// For vkFunctions that take an array of one.
  const T* address() const { return &handle_; }

 private:
  VkDevice device_ = nullptr;
  T handle_ = {};
  Destroy destroy_ = nullptr;
};

}  // namespace dormouse::drivers::vulkan
