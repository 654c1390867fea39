#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "engine/formats/safetensors.h"

namespace dormouse::learning {

/// The file operations that make a commit durable. Tests fail the nth of them. All throw Failure(io) naming
/// the path.
class Files {
 public:
  virtual ~Files() = default;
  virtual void make_directory(const std::filesystem::path& path);
  /// Creates or truncates, writes all, fsyncs.
  virtual void write(const std::filesystem::path& path, std::span<const std::byte> bytes);
  /// A whole safetensors file, durable.
  virtual void write(const std::filesystem::path& path, const engine::NamedTensors& tensors);
  virtual void sync_directory(const std::filesystem::path& path);
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual void remove_all(const std::filesystem::path& path);
};

/// SHA-256 in lower-case hexadecimal.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace dormouse::learning
