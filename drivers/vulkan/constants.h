#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "drivers/vulkan/device.h"
#include "engine/tensor.h"

namespace dormouse::drivers::vulkan {

/// Bytes that a value of this type and size takes on a device, which has words of 32 bits alone: booleans are
/// there 0 and 1 of f32, f16 is f32, and indices are i32.
inline std::size_t device_bytes(std::int64_t elements) { return static_cast<std::size_t>(elements) * 4; }

/// Elements as the device has them, and back. Integers that i32 does not hold become its least or largest;
/// what goes back to f16 is rounded to nearest even.
void to_device(engine::DType type, std::size_t elements, const std::byte* from, std::byte* to);
void from_device(engine::DType type, std::size_t elements, const std::byte* from, std::byte* to);

/// Where a constant lies on the device, for as long as somebody holds it.
struct Constant {
  std::shared_ptr<const Memory> memory;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

/// Constants on a device, uploaded once for all programs that read them. Thread-safe.
class Constants {
 public:
  explicit Constants(Device& device) : device_(device) {}

  /// Throws Failure(too_large) when there is no memory left.
  std::shared_ptr<const Constant> get(const engine::Tensor& tensor);
  /// Whether it is there already, as f16 or as it is.
  bool holds(const engine::Tensor& tensor);
  /// The same in half the memory, as f16: of f32 that are no more than that, each and every one. Null else.
  std::shared_ptr<const Constant> halves(const engine::Tensor& tensor);

 private:
  struct Entry {
    std::weak_ptr<engine::Buffer> source;
    std::weak_ptr<const Constant> made;
  };
  using Key = std::tuple<const std::byte*, std::int64_t, bool>;  // elements, and whether they are halves
  using Fill = std::function<void(std::byte*)>;

  std::shared_ptr<const Constant> place(std::size_t bytes);
  Entry& entry_of(const engine::Tensor& tensor, bool halves);
  std::shared_ptr<const Constant> uploaded(std::size_t bytes, const Fill& fill);

  Device& device_;
  std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::weak_ptr<const Memory> block_;  ///< that the next small one goes to
  std::size_t used_ = 0;               ///< of it
  std::size_t next_ = 0;               ///< bytes that it was made with
};

}  // namespace dormouse::drivers::vulkan
