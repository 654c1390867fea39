#pragma once

#include <memory_resource>
#include <span>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Buffer::allocate() from `memory`, borrowed for the buffer's life. What the buffer held is zeroed before
/// its memory is given back: tensors and arenas hold inputs and latents, and freed memory is soon somebody
/// else's.
std::shared_ptr<Buffer> heap_buffer(std::size_t size, std::pmr::memory_resource& memory);
/// One that holds a copy of `bytes`, without zeros written first.
std::shared_ptr<Buffer> heap_copy(std::span<const std::byte> bytes);

/// Asks for pages of 2 MiB where some lie wholly in `memory`, which is to be written to all over: one fault
/// then takes the place of 512, which cost more than most of what is written.
void prefer_huge_pages(std::span<std::byte> memory) noexcept;

/// Zeroed memory for what lives as long as a session: a large buffer takes pages as they are touched, and the
/// system has them back, and zeroes them, when it goes.
std::shared_ptr<Buffer> lasting_buffer(std::size_t size);

}  // namespace dormouse::engine
