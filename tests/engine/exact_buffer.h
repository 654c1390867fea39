#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "engine/tensor.h"

namespace dormouse::engine {

/// A copy of bytes in memory of exactly their size: a sanitizer sees the first byte read beyond.
/// Buffer::allocate would hide it behind its slack.
class ExactBuffer final : public Buffer {
 public:
  static std::shared_ptr<Buffer> copy(std::string_view bytes) { return std::make_shared<ExactBuffer>(bytes); }

  explicit ExactBuffer(std::string_view bytes) : Buffer(copied(bytes), bytes.size(), false) {}
  ~ExactBuffer() override { delete[] data(); }

 private:
  static std::byte* copied(std::string_view bytes) {
    auto* memory = new std::byte[bytes.size()];
    if (!bytes.empty()) std::memcpy(memory, bytes.data(), bytes.size());
    return memory;
  }
};

}  // namespace dormouse::engine
