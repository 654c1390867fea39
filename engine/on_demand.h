#pragma once

#include <functional>
#include <span>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Writes those bytes of a buffer that lie from `first` on to `to`. Called from any thread; gives the same
/// each time.
using Make = std::function<void(std::size_t first, std::span<std::byte> to)>;

/// Constants of fewer bytes are better made at once.
inline constexpr std::size_t kLeastOnDemand = 4 << 10;

/// A read-only buffer that takes no memory until Buffer::data() is first called; what that makes is kept, so
/// that pointers into it stay good. write_elements() and made() make it elsewhere and keep nothing: weights
/// that a driver packs need not be held beside their packing.
std::shared_ptr<Buffer> on_demand(std::size_t size, Make make);

/// Whether nothing has asked yet for the elements' address.
bool is_unmade(const Tensor& tensor);
/// Whether the elements can be had again without memory being held for them: mapped, or on demand.
bool is_reproducible(const Tensor& tensor);

/// Writes the bytes of the elements from `first` on to `to`.
void write_elements(const Tensor& tensor, std::size_t first, std::span<std::byte> to);
/// The same elements, to be read for a while: a copy of the caller's where they are not made.
Tensor made(const Tensor& tensor);

}  // namespace dormouse::engine
