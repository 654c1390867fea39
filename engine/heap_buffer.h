#pragma once

#include <memory_resource>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Buffer::allocate() from `memory`, borrowed for the buffer's life. What the buffer held is zeroed before
/// its memory is given back: tensors and arenas hold inputs and latents, and freed memory is soon somebody
/// else's.
std::shared_ptr<Buffer> heap_buffer(std::size_t size, std::pmr::memory_resource& memory);

}  // namespace dormouse::engine
