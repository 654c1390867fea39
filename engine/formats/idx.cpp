#include "engine/formats/idx.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/formats/bytes.h"
#include "engine/formats/gzip.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kMagicSize = 4, kExtentSize = 4, kMostRank = 8;

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

/// Element type and shape, as the first bytes say.
struct Header {
  DType type;
  Shape shape;
};

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

/// How long the header is of a file that starts with these bytes.
std::size_t header_size(std::span<const std::byte> magic, const std::string& name) {
  if (!is_idx(magic)) throw Failure(Errc::corrupt, name + ": is no IDX file");
  return kMagicSize + kExtentSize * std::to_integer<std::size_t>(magic[3]);
}

Header read_header(ByteReader& reader) {
  const auto magic = reader.take(kMagicSize, "magic number");
  std::vector<std::int64_t> extents;
  for (int d = std::to_integer<int>(magic[3]); d > 0; --d)
    extents.push_back(big_endian(reader.take(kExtentSize, "extent")));
  return {*type_of(magic[2]), Shape{std::move(extents)}};
}

/// The content of a compressed file. Its own header says how long it is, so that no more is unpacked, and
/// nothing when the file is too small to hold that.
std::shared_ptr<Buffer> unpacked(std::span<const std::byte> packed, const std::string& name) {
  Gunzip gunzip(packed, name);
  std::array<std::byte, kMagicSize + kExtentSize * kMostRank> start;
  gunzip.fill(std::span(start).first(kMagicSize));
  const auto head = std::span(start).first(header_size(std::span(start).first(kMagicSize), name));
  gunzip.fill(head.subspan(kMagicSize));
  ByteReader reader(head, name);
  const Header header = read_header(reader);
  const std::size_t size = byte_size(header.type, header.shape, name);
  if (size > gunzip.most())
    throw Failure(Errc::corrupt, name + ": says that it unpacks to " + to_string(header.shape) +
                                     " elements, more than its " + std::to_string(packed.size()) +
                                     " bytes can hold");
  auto content = Buffer::allocate(head.size() + size);
  const std::span<std::byte> to(content->writable_data(), content->size());
  std::ranges::copy(head, to.begin());
  gunzip.fill(to.subspan(head.size()));
  gunzip.finish();
  return content;
}

}  // namespace

bool is_idx(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagicSize && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} &&
         type_of(bytes[2]) && bytes[3] >= std::byte{1} && bytes[3] <= std::byte{kMostRank};
}

Tensor read_idx(const std::shared_ptr<Buffer>& bytes, const std::string& name) {
  const std::span<const std::byte> all{bytes->data(), bytes->size()};
  if (is_gzip(all)) return read_idx(unpacked(all, name), name);
  header_size(all, name);
  ByteReader reader(all, name);
  const auto [type, shape] = read_header(reader);
  if (reader.remaining() != byte_size(type, shape, name))
    reader.corrupt("expected " + to_string(shape) + " elements");
  const Tensor tensor = tensor_at(bytes, reader.position(), type, shape, name);
  return size_of(type) == 1 ? tensor : swapped(tensor);
}

Tensor read_idx(const std::string& path) { return read_idx(map_file(path), path); }

}  // namespace dormouse::engine
