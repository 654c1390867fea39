#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Reads a NumPy array (.npy, versions 1 to 3, little-endian): a view on the mapping where aligned; Fortran
/// order is transposed into a copy. Throws Failure(corrupt), and Failure(unsupported) for other element
/// types.
Tensor read_npy(const std::string& path);
Tensor read_npy(std::shared_ptr<Buffer> bytes, const std::string& name);

/// Writes version 1, atomically. Throws Failure(unsupported) for bf16, which NumPy does not have.
void write_npy(const std::string& path, const Tensor& tensor);

bool is_npy(std::span<const std::byte> bytes);

/// The arrays of an .npz archive by name, without ".npy". Only stored members (numpy.savez); compressed ones
/// throw Failure(unsupported).
std::map<std::string, Tensor> read_npz(const std::string& path);
std::map<std::string, Tensor> read_npz(std::shared_ptr<Buffer> bytes, const std::string& name);

bool is_npz(std::span<const std::byte> bytes);

/// The array that starts at `offset` and takes `size` bytes of `bytes`: a member of an archive.
Tensor read_npy_at(const std::shared_ptr<Buffer>& bytes, std::size_t offset, std::size_t size,
                   const std::string& name);

}  // namespace dormouse::engine
