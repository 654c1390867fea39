#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/tensor.h"

namespace dormouse::engine {

static_assert(std::endian::native == std::endian::little,
              "file formats are read and written as they lie in memory");

/// Takes fields from untrusted bytes, front to back. Past the end throws Failure(corrupt) with file and
/// position.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }
  /// `what` names the field in the error.
  std::span<const std::byte> take(std::uint64_t count, std::string_view what);
  std::string_view text(std::uint64_t count, std::string_view what);
  template <std::integral T>
  T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  [[noreturn]] void corrupt(std::string_view what) const;

 private:
  std::span<const std::byte> bytes_;
  std::string file_;
  std::size_t position_ = 0;
};

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// How many bytes such a tensor takes. Failure(corrupt) naming `where` for a negative extent or one beyond
/// memory.
std::size_t byte_size(DType type, const Shape& shape, const std::string& where);

/// The tensor at `offset` of untrusted bytes: a view, or where the elements are not aligned for their type a
/// copy, made on demand where it is large. Failure(corrupt) naming `where` when it does not lie inside.
Tensor tensor_at(const std::shared_ptr<Buffer>& buffer, std::uint64_t offset, DType type, const Shape& shape,
                 const std::string& where);

}  // namespace dormouse::engine
