#pragma once

#include "engine/tensor.h"

namespace dormouse::engine {

/// Whether the elements are those of a mapped file: pages that the system can take back and read again.
bool is_mapped(const Tensor& tensor);

/// Lets go of the elements' pages, where they are mapped, and of those that the system maps along with them
/// when they are read; who touches them gets them back. Thread-safe, readers of the tensor included.
void release_pages(const Tensor& tensor);

}  // namespace dormouse::engine
