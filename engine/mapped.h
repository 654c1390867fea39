#pragma once

#include "engine/tensor.h"

namespace dormouse::engine {

/// Whether the elements are those of a mapped file: pages that the system can take back and read again.
bool is_mapped(const Tensor& tensor);

/// Lets go of the pages that lie wholly within the elements, where they are mapped; who touches them gets
/// them back. Thread-safe, readers of the tensor included.
void release_pages(const Tensor& tensor);

}  // namespace dormouse::engine
