#include "engine/formats/bytes.h"

#include <algorithm>

#include "engine/mapped.h"
#include "engine/on_demand.h"

namespace dormouse::engine {
namespace {

bool aligned(const std::byte* data, DType type) {
  return reinterpret_cast<std::uintptr_t>(data) % size_of(type) == 0;
}

// A bool that is neither 0 nor 1 is undefined behaviour to read.
bool all_boolean(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte value) { return value <= std::byte{1}; });
}

Tensor copy_of(std::span<const std::byte> bytes, DType type, const Shape& shape) {
  Tensor tensor(type, shape);
  if (type == DType::boolean) {
    std::ranges::transform(bytes, tensor.mutable_data(),
                           [](std::byte value) { return std::byte{value != std::byte{0}}; });
  } else if (!bytes.empty()) {
    std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  }
  return tensor;
}

/// Elements where no kernel can read them: copied when they are needed, and not held twice then.
std::shared_ptr<Buffer> misaligned(const std::shared_ptr<Buffer>& buffer, std::size_t offset,
                                   std::size_t size) {
  const Tensor from(DType::u8, Shape{static_cast<std::int64_t>(size)}, buffer, offset);
  return on_demand(size, [from](std::size_t first, std::span<std::byte> to) {
    std::memcpy(to.data(), from.data() + first, to.size());
    release_pages(from);
  });
}

}  // namespace

std::span<const std::byte> ByteReader::take(std::uint64_t count, std::string_view what) {
  if (count > remaining()) corrupt("ends inside " + std::string(what));
  const auto taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += taken.size();
  return taken;
}

std::string_view ByteReader::text(std::uint64_t count, std::string_view what) {
  return as_text(take(count, what));
}

void ByteReader::corrupt(std::string_view what) const {
  throw Failure(Errc::corrupt,
                file_ + ": " + std::string(what) + " (at byte " + std::to_string(position_) + ")");
}

std::size_t byte_size(DType type, const Shape& shape, const std::string& where) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(type));
  for (const std::int64_t extent : shape) {
    if (extent < 0)
      throw Failure(Errc::corrupt, where + ": impossible shape: a dimension is " + std::to_string(extent));
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      throw Failure(Errc::corrupt, where + ": impossible shape " + to_string(shape) + ": 2^63 bytes or more");
  }
  return static_cast<std::size_t>(bytes);
}

Tensor tensor_at(const std::shared_ptr<Buffer>& buffer, std::uint64_t offset, DType type, const Shape& shape,
                 const std::string& where) {
  const std::size_t size = byte_size(type, shape, where);
  if (offset > buffer->size() || size > buffer->size() - offset) {
    throw Failure(Errc::corrupt, where + ": " + std::to_string(size) + " bytes from " +
                                     std::to_string(offset) + " on lie beyond the end at " +
                                     std::to_string(buffer->size()));
  }
  const std::span<const std::byte> bytes(buffer->data() + offset, size);
  const bool usable = aligned(bytes.data(), type) && (type != DType::boolean || all_boolean(bytes));
  if (usable) return Tensor(type, shape, buffer, static_cast<std::size_t>(offset));
  if (type == DType::boolean || size < kLeastOnDemand) return copy_of(bytes, type, shape);
  return Tensor(type, shape, misaligned(buffer, static_cast<std::size_t>(offset), size), 0);
}

}  // namespace dormouse::engine
