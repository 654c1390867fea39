#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Tensors by name, and what the file says about itself.
struct NamedTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads a safetensors file; its tensors are views on the mapping wherever they are aligned for their type.
///
/// The format's own rules hold: header of at most 100 MB, names once, offsets that tile the data exactly.
/// Throws Failure(corrupt) naming the tensor, and Failure(unsupported) for element types we do not have.
NamedTensors read_safetensors(const std::string& path);
NamedTensors read_safetensors(std::shared_ptr<Buffer> bytes, const std::string& name);

/// Writes atomically. The same tensors make the same bytes: widest elements first, then by name, data 64-byte
/// aligned.
void write_safetensors(const std::string& path, const NamedTensors& content);

/// The length field and the brace of the header.
bool is_safetensors(std::span<const std::byte> bytes);

}  // namespace dormouse::engine
