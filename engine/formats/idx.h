#pragma once

#include <memory>
#include <string>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Reads an IDX file, as the MNIST collections come (LeCun, Cortes & Burges 1998): two zero bytes, element
/// type, rank, extents and elements, big-endian. Bytes are a view on the mapping. A file that gzip compressed
/// is unpacked in memory, to what its header says and no more. Throws Failure(corrupt).
Tensor read_idx(const std::string& path);
Tensor read_idx(const std::shared_ptr<Buffer>& bytes, const std::string& name);

bool is_idx(std::span<const std::byte> bytes);

}  // namespace dormouse::engine
