#include "engine/formats/idx.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/formats/bytes.h"

namespace dormouse::engine {
namespace {

constexpr std::byte kGzip[] = {std::byte{0x1f}, std::byte{0x8b}};

std::optional<DType> type_of(std::byte code) {
  switch (std::to_integer<int>(code)) {
    case 0x08:
      return DType::u8;
    case 0x09:
      return DType::i8;
    case 0x0b:
      return DType::i16;
    case 0x0c:
      return DType::i32;
    case 0x0d:
      return DType::f32;
    case 0x0e:
      return DType::f64;
    default:
      return std::nullopt;
  }
}

std::int64_t big_endian(std::span<const std::byte> bytes) {
  std::int64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::int64_t>(byte);
  return value;
}

/// The elements in this machine's order.
Tensor swapped(const Tensor& tensor) {
  Tensor result = tensor.clone();
  const std::size_t size = size_of(tensor.dtype());
  std::byte* const data = result.mutable_data();
  for (std::size_t at = 0; at + size <= result.byte_size(); at += size)
    std::reverse(data + at, data + at + size);
  return result;
}

}  // namespace

bool is_idx(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} && type_of(bytes[2]) &&
         bytes[3] >= std::byte{1} && bytes[3] <= std::byte{8};
}

Tensor read_idx(const std::shared_ptr<Buffer>& bytes, const std::string& name) {
  const std::span<const std::byte> all{bytes->data(), bytes->size()};
  if (all.size() >= 2 && std::ranges::equal(all.first(2), kGzip))
    throw Failure(Errc::unsupported, name + ": is compressed; gunzip it first");
  if (!is_idx(all)) throw Failure(Errc::corrupt, name + ": is no IDX file");
  ByteReader reader(all, name);
  const DType type = *type_of(reader.take(4, "magic number")[2]);
  std::vector<std::int64_t> extents;
  for (int d = std::to_integer<int>(all[3]); d > 0; --d)
    extents.push_back(big_endian(reader.take(4, "extent")));
  const Shape shape{std::move(extents)};
  if (reader.remaining() != byte_size(type, shape, name))
    reader.corrupt("expected " + to_string(shape) + " elements");
  const Tensor tensor = tensor_at(bytes, reader.position(), type, shape, name);
  return size_of(type) == 1 ? tensor : swapped(tensor);
}

Tensor read_idx(const std::string& path) { return read_idx(map_file(path), path); }

}  // namespace dormouse::engine
