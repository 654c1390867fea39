#pragma once

#include <map>
#include <string>

#include "engine/formats/safetensors.h"

/// What the files and states of learning share: parts found by name, and a checksum that they carry.
namespace dormouse::learning {

/// The tensor `name` of element type `type`. Throws Failure(corrupt) beginning with `of`.
const engine::Tensor& part(const std::map<std::string, engine::Tensor>& tensors, const std::string& name,
                           engine::DType type, const std::string& of);

/// The metadata's entry `key`; "" where there is none.
std::string entry(const engine::NamedTensors& file, const std::string& key);

/// Gives a file its checksum: SHA-256 over tensors and metadata, as the entry "sha256".
void seal(engine::NamedTensors& file);
/// Throws Failure(corrupt) naming the file when the checksum that it carries is not its own.
void check_seal(const engine::NamedTensors& file, const std::string& name);

}  // namespace dormouse::learning
