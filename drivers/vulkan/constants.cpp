#include "drivers/vulkan/constants.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "drivers/vulkan/commands.h"
#include "engine/kernels/half_rows.h"

namespace dormouse::drivers::vulkan {
namespace {

using engine::DType;

// Small ones share blocks, each twice the last: a small model takes little, a large one few.
constexpr std::size_t kLeastBlock = std::size_t{256} << 10, kLargestBlock = std::size_t{16} << 20;

template <class From, class To, class F>
void each(std::size_t elements, const std::byte* from, std::byte* to, F f) {
  const From* const in = reinterpret_cast<const From*>(from);
  To* const out = reinterpret_cast<To*>(to);
  for (std::size_t i = 0; i < elements; ++i) out[i] = f(in[i]);
}

std::size_t half_bytes(std::int64_t elements) { return static_cast<std::size_t>(elements + 1) / 2 * 4; }

std::int32_t narrowed(std::int64_t value) {
  using Limits = std::numeric_limits<std::int32_t>;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, Limits::min(), Limits::max()));
}

}  // namespace

void to_device(DType type, std::size_t elements, const std::byte* from, std::byte* to) {
  if (type == DType::i64)
    each<std::int64_t, std::int32_t>(elements, from, to, narrowed);
  else if (type == DType::boolean)
    each<std::uint8_t, float>(elements, from, to, [](std::uint8_t flag) { return flag != 0 ? 1.0f : 0.0f; });
  else if (type == DType::f16)
    engine::best_half_rows().widen(reinterpret_cast<const engine::Half*>(from), reinterpret_cast<float*>(to),
                                   static_cast<std::int64_t>(elements));
  else
    std::memcpy(to, from, elements * 4);
}

void from_device(DType type, std::size_t elements, const std::byte* from, std::byte* to) {
  if (type == DType::i64)
    each<std::int32_t, std::int64_t>(elements, from, to, [](std::int32_t value) { return value; });
  else if (type == DType::boolean)
    each<float, std::uint8_t>(elements, from, to,
                              [](float flag) { return static_cast<std::uint8_t>(flag != 0); });
  else if (type == DType::f16)
    engine::best_half_rows().narrow(reinterpret_cast<const float*>(from), reinterpret_cast<engine::Half*>(to),
                                    static_cast<std::int64_t>(elements));
  else
    std::memcpy(to, from, elements * 4);
}

Constants::Entry& Constants::entry_of(const engine::Tensor& tensor, bool halves) {
  std::erase_if(entries_, [](const auto& entry) { return entry.second.made.expired(); });
  Entry& entry = entries_[{tensor.address(), tensor.elements(), halves}];
  if (entry.source.lock() != tensor.buffer()) entry = {tensor.buffer(), {}};
  return entry;
}

std::shared_ptr<const Constant> Constants::get(const engine::Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = device_bytes(tensor.elements());
  Entry& entry = entry_of(tensor, false);
  if (auto made = entry.made.lock()) return made;
  auto made = uploaded(bytes, [&](std::byte* to) {
    to_device(tensor.dtype(), static_cast<std::size_t>(tensor.elements()), tensor.data(), to);
  });
  entry.made = made;
  return made;
}

std::shared_ptr<const Constant> Constants::halves(const engine::Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  const auto values = tensor.values<float>();
  const std::size_t bytes = half_bytes(tensor.elements());
  Entry& entry = entry_of(tensor, true);
  if (auto made = entry.made.lock()) return made;
  const auto exact = [](float value) {
    return std::isfinite(value) && engine::to_float(engine::to_half(value)) == value;
  };
  if (!std::ranges::all_of(values, exact)) return nullptr;
  auto made = uploaded(bytes, [&](std::byte* to) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const engine::Half half = engine::to_half(values[i]);
      std::memcpy(to + i * sizeof half, &half, sizeof half);
    }
  });
  entry.made = made;
  return made;
}

bool Constants::holds(const engine::Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  const auto there = [&](bool halves) {
    const auto found = entries_.find({tensor.address(), tensor.elements(), halves});
    return found != entries_.end() && found->second.source.lock() == tensor.buffer() &&
           !found->second.made.expired();
  };
  return there(false) || there(true);
}

std::shared_ptr<const Constant> Constants::place(std::size_t bytes) {
  const std::size_t alignment = std::max<std::size_t>(device_.limits().minStorageBufferOffsetAlignment, 64);
  const auto block_of = [&](std::size_t size) {
    return std::make_shared<Memory>(device_.allocate(size, Device::Use::device));
  };
  if (bytes >= kLargestBlock / 4) return std::make_shared<Constant>(Constant{block_of(bytes), 0, bytes});
  auto block = block_.lock();
  const std::size_t offset = (used_ + alignment - 1) / alignment * alignment;
  if (!block || offset + bytes > block->bytes) {
    next_ = block ? std::min(2 * next_, kLargestBlock) : kLeastBlock;
    block_ = block = block_of(std::max(next_, bytes));
    used_ = bytes;
    return std::make_shared<Constant>(Constant{block, 0, bytes});
  }
  used_ = offset + bytes;
  return std::make_shared<Constant>(Constant{block, offset, bytes});
}

std::shared_ptr<const Constant> Constants::uploaded(std::size_t bytes, const Fill& fill) {
  auto to = place(bytes);
  if (to->memory->mapped) {
    fill(to->memory->mapped + to->offset);
    return to;
  }
  const Memory staging = device_.allocate(bytes, Device::Use::upload);
  fill(staging.mapped);
  Commands commands(device_);
  commands.begin();
  device_.copy(commands.get(), {staging.buffer.get()}, {to->memory->buffer.get(), to->offset}, bytes);
  commands.end();
  commands.run();
  return to;
}

}  // namespace dormouse::drivers::vulkan
