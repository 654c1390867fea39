#include "engine/formats/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "engine/formats/atomic_file.h"
#include "engine/formats/bytes.h"

namespace dormouse::engine {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMaxRank = 64;

constexpr std::array<std::pair<std::string_view, DType>, 12> kTypes{{{"<f4", DType::f32},
                                                                     {"<f8", DType::f64},
                                                                     {"<f2", DType::f16},
                                                                     {"|i1", DType::i8},
                                                                     {"|u1", DType::u8},
                                                                     {"<i2", DType::i16},
                                                                     {"<u2", DType::u16},
                                                                     {"<i4", DType::i32},
                                                                     {"<u4", DType::u32},
                                                                     {"<i8", DType::i64},
                                                                     {"<u8", DType::u64},
                                                                     {"|b1", DType::boolean}}};

struct Header {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

// The header is a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : text_(text), file_(&file) {}

  Header parse() {
    Header header;
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        seen |= 1;
        header.descr = descr();
      } else if (key == "fortran_order") {
        seen |= 2;
        header.fortran_order = boolean();
      } else if (key == "shape") {
        seen |= 4;
        header.shape = shape();
      } else {
        fail("unknown key");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (seen != 7 || at_ != text_.size()) fail("expected exactly descr, fortran_order and shape");
    return header;
  }

 private:
  std::string descr() {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[')
      throw Failure(Errc::unsupported, *file_ + ": a structured array");
    return quoted();
  }
  std::string quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a string");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("unfinished string");
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return std::string(content);
  }
  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    fail("expected True or False");
  }
  Shape shape() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      if (shape.rank() == kMaxRank) fail("too many dimensions");
      shape.push_back(extent());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }
  std::int64_t extent() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc{} || value < 0) fail("expected a dimension");
    at_ = static_cast<std::size_t>(end - text_.data());
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote longs so
    return value;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char token) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != token) return false;
    ++at_;
    return true;
  }
  void expect(char token) {
    if (!accept(token)) fail(std::string("expected '") + token + "'");
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw Failure(Errc::corrupt,
                  *file_ + ": header: " + std::string(what) + " (character " + std::to_string(at_ + 1) + ")");
  }

  std::string_view text_;
  const std::string* file_;
  std::size_t at_ = 0;
};

DType type_called(const std::string& descr, const std::string& file) {
  const auto found = std::ranges::find(kTypes, descr, &std::pair<std::string_view, DType>::first);
  if (found != kTypes.end()) return found->second;
  throw Failure(Errc::unsupported, file + ": element type '" + descr.substr(0, 40) +
                                       "'; save it as little-endian f2, f4, f8, integers or bool");
}

// Fortran order is the row-major tensor of the reversed shape, transposed.
Tensor from_fortran(const Tensor& stored, const Shape& shape) {
  Tensor result(stored.dtype(), shape);
  const std::size_t width = size_of(stored.dtype());
  const std::size_t rank = shape.rank();
  std::vector<std::int64_t> stride(rank, 1);
  for (std::size_t axis = 1; axis < rank; ++axis) stride[axis] = stride[axis - 1] * shape[axis - 1];
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t source = 0;
  std::byte* out = result.mutable_data();
  for (std::int64_t i = 0; i < result.elements(); ++i, out += width) {
    std::memcpy(out, stored.data() + static_cast<std::size_t>(source) * width, width);
    for (std::size_t axis = rank; axis-- > 0;) {
      source += stride[axis];
      if (++index[axis] < shape[axis]) break;
      source -= stride[axis] * std::exchange(index[axis], 0);
    }
  }
  return result;
}

std::string header_for(const Tensor& tensor) {
  const auto type = std::ranges::find(kTypes, tensor.dtype(), &std::pair<std::string_view, DType>::second);
  if (type == kTypes.end()) {
    throw Failure(Errc::unsupported, "NumPy has no element type " + std::string(word(tensor.dtype())));
  }
  std::string text = "{'descr': '" + std::string(type->first) + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t extent : tensor.shape()) text += std::to_string(extent) + ", ";
  text += "), }";
  const std::size_t prefix = kMagic.size() + 4;
  text.append(kAlignment - 1 - (prefix + text.size()) % kAlignment, ' ');
  return text + '\n';
}

}  // namespace

bool is_npy(std::span<const std::byte> bytes) { return as_text(bytes).starts_with(kMagic); }

Tensor read_npy(const std::string& path) { return read_npy(map_file(path), path); }

Tensor read_npy(std::shared_ptr<Buffer> bytes, const std::string& name) {
  return read_npy_at(bytes, 0, bytes->size(), name);
}

Tensor read_npy_at(const std::shared_ptr<Buffer>& bytes, std::size_t offset, std::size_t size,
                   const std::string& name) {
  ensure(offset <= bytes->size() && size <= bytes->size() - offset, "the array's bytes lie in the buffer");
  ByteReader reader({bytes->data() + offset, size}, name);
  if (reader.text(kMagic.size(), "the magic") != kMagic) reader.corrupt("not a NumPy array");
  const auto version = reader.read<std::uint16_t>("the version");
  const unsigned major = version & 0xff;
  if (major < 1 || major > 3)
    throw Failure(Errc::unsupported, name + ": .npy version " + std::to_string(major));
  const std::uint32_t length = major == 1 ? reader.read<std::uint16_t>("the header's length")
                                          : reader.read<std::uint32_t>("the header's length");
  const Header header = HeaderParser(reader.text(length, "the header"), name).parse();

  const DType type = type_called(header.descr, name);
  const std::size_t expected = byte_size(type, header.shape, name);
  if (reader.remaining() != expected) {
    reader.corrupt("shape " + to_string(header.shape) + " takes " + std::to_string(expected) +
                   " bytes, there are " + std::to_string(reader.remaining()));
  }
  Tensor tensor = tensor_at(bytes, offset + reader.position(), type, header.shape, name);
  return header.fortran_order && header.shape.rank() > 1 ? from_fortran(tensor, header.shape) : tensor;
}

void write_npy(const std::string& path, const Tensor& tensor) {
  const std::string header = header_for(tensor);
  const auto length = static_cast<std::uint16_t>(header.size());
  AtomicFile file(path);
  file.write(kMagic);
  file.write(std::string_view("\x01\x00", 2));
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  file.write(tensor.bytes());
  file.commit();
}

}  // namespace dormouse::engine
