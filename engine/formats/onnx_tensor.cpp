#include <algorithm>
#include <charconv>
#include <numeric>

#include "engine/formats/bytes.h"
#include "engine/formats/onnx_model.h"
#include "engine/formats/onnx_proto.h"
#include "engine/formats/protobuf.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kMaxRank = 64;
constexpr std::int64_t kStrings = 8;  // their number among ONNX's element types

// Elements in the typed fields; small integers, bool and half precision share int32_data.
struct TypedData {
  std::vector<float> reals;
  std::vector<double> doubles;
  std::vector<std::int64_t> int32s, int64s;
  std::vector<std::uint64_t> uint64s;

  bool empty() const {
    return reals.empty() && doubles.empty() && int32s.empty() && int64s.empty() && uint64s.empty();
  }
};

struct TensorMessage {
  Shape shape;
  std::int64_t data_type = 0;
  std::optional<std::string_view> raw;
  TypedData typed;
  bool external = false;
  std::map<std::string, std::string> location;
};

// Of the types that ONNX has and we do not.
std::string foreign_type(std::int64_t number) {
  switch (number) {
    case kStrings:
      return " (strings)";
    case 14:
    case 15:
      return " (complex numbers)";
    case 17:
    case 18:
    case 19:
    case 20:
      return " (8-bit floats)";
    case 21:
    case 22:
      return " (4-bit integers)";
    default:
      return "";
  }
}

// Alone and first, so that every error can say it.
std::string name_of(ProtobufReader reader) {
  std::string name;
  while (reader.next())
    if (reader.field() == TensorField::name) name = reader.text();
  return name;
}

std::pair<std::string, std::string> entry(ProtobufReader reader) {
  std::pair<std::string, std::string> result;
  while (reader.next()) {
    if (reader.field() == EntryField::key) result.first = reader.text();
    if (reader.field() == EntryField::value) result.second = reader.text();
  }
  return result;
}

TensorMessage read_message(ProtobufReader reader) {
  TensorMessage message;
  std::vector<std::int64_t> extents;
  while (reader.next()) {
    switch (reader.field()) {
      case TensorField::dims:
        reader.append_to(extents);
        break;
      case TensorField::data_type:
        message.data_type = reader.integer();
        break;
      case TensorField::raw_data:
        message.raw = reader.bytes();
        break;
      case TensorField::float_data:
        reader.append_to(message.typed.reals);
        break;
      case TensorField::double_data:
        reader.append_to(message.typed.doubles);
        break;
      case TensorField::int32_data:
        reader.append_to(message.typed.int32s);
        break;
      case TensorField::int64_data:
        reader.append_to(message.typed.int64s);
        break;
      case TensorField::uint64_data:
        reader.append_to(message.typed.uint64s);
        break;
      case TensorField::data_location:
        message.external = reader.integer() == 1;
        break;
      case TensorField::external_data:
        message.location.insert(entry({reader.bytes(), reader.where()}));
        break;
      case TensorField::segment:
        reader.corrupt("a tensor in segments, which ONNX gave up");
      default:
        break;
    }
  }
  if (extents.size() > kMaxRank)
    reader.corrupt(std::to_string(extents.size()) + " dimensions; " + std::to_string(kMaxRank) +
                   " are possible");
  message.shape = Shape(std::move(extents));
  return message;
}

template <class T, class From>
Tensor from_values(const std::vector<From>& values, const Shape& shape, const std::string& where) {
  if (byte_size(dtype_of<T>, shape, where) != values.size() * sizeof(T)) {
    throw Failure(Errc::corrupt, where + ": " + std::to_string(values.size()) + " elements for shape " +
                                     to_string(shape) + ", which has " + std::to_string(shape.elements()));
  }
  Tensor tensor(dtype_of<T>, shape);
  std::ranges::transform(values, tensor.mutable_values<T>().begin(), [](From value) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return T{static_cast<std::uint16_t>(value)};
    } else {
      return static_cast<T>(value);
    }
  });
  return tensor;
}

Tensor from_typed(const TypedData& data, DType type, const Shape& shape, const std::string& where) {
  switch (type) {
    case DType::f32:
      return from_values<float>(data.reals, shape, where);
    case DType::f64:
      return from_values<double>(data.doubles, shape, where);
    case DType::i64:
      return from_values<std::int64_t>(data.int64s, shape, where);
    case DType::u64:
      return from_values<std::uint64_t>(data.uint64s, shape, where);
    case DType::u32:
      return from_values<std::uint32_t>(data.uint64s, shape, where);
    case DType::i32:
      return from_values<std::int32_t>(data.int32s, shape, where);
    case DType::i16:
      return from_values<std::int16_t>(data.int32s, shape, where);
    case DType::u16:
      return from_values<std::uint16_t>(data.int32s, shape, where);
    case DType::i8:
      return from_values<std::int8_t>(data.int32s, shape, where);
    case DType::u8:
      return from_values<std::uint8_t>(data.int32s, shape, where);
    case DType::boolean:
      return from_values<bool>(data.int32s, shape, where);
    case DType::f16:
      return from_values<Half>(data.int32s, shape, where);
    case DType::bf16:
      return from_values<BFloat16>(data.int32s, shape, where);
  }
  throw Failure(Errc::unsupported, where + ": element type");
}

std::uint64_t location_number(const TensorMessage& message, const std::string& key, std::uint64_t fallback,
                              const std::string& where) {
  const auto found = message.location.find(key);
  if (found == message.location.end()) return fallback;
  std::uint64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc{} || stop != end)
    throw Failure(Errc::corrupt,
                  where + ": external " + key + " '" + found->second + "' is no number of bytes");
  return value;
}

std::shared_ptr<Buffer> map(ExternalFiles& files, const std::string& location, const std::string& where) try {
  return files.map(location);
} catch (const Failure& failure) {
  throw Failure(failure.error().code, where + ": " + failure.error().context);
}

Tensor from_external(const TensorMessage& message, DType type, const OnnxSource& source,
                     const std::string& where) {
  const auto location = message.location.find("location");
  if (location == message.location.end())
    throw Failure(Errc::corrupt, where + ": external data without a location");
  if (!source.files) {
    throw Failure(Errc::unsupported,
                  where + ": external data '" + location->second + "' of a model without a folder");
  }
  const std::uint64_t size = byte_size(type, message.shape, where);
  const std::uint64_t offset = location_number(message, "offset", 0, where);
  const std::uint64_t length = location_number(message, "length", size, where);
  if (length != size) {
    throw Failure(Errc::corrupt, where + ": external length " + std::to_string(length) +
                                     " does not fit shape " + to_string(message.shape) + ", which takes " +
                                     std::to_string(size) + " bytes");
  }
  const std::string place = where + ": external data '" + location->second + "'";
  return tensor_at(map(*source.files, location->second, where), offset, type, message.shape, place);
}

Tensor from_raw(std::string_view raw, DType type, const Shape& shape, const OnnxSource& source,
                const std::string& where) {
  if (raw.size() != byte_size(type, shape, where)) {
    throw Failure(Errc::corrupt, where + ": " + std::to_string(raw.size()) + " bytes for shape " +
                                     to_string(shape) + ", which takes " +
                                     std::to_string(byte_size(type, shape, where)));
  }
  const auto offset = reinterpret_cast<const std::byte*>(raw.data()) - source.bytes->data();
  return tensor_at(source.bytes, static_cast<std::uint64_t>(offset), type, shape, where);
}

}  // namespace

std::optional<NamedStrings> parse_onnx_strings(std::string_view text, const std::string& where) {
  const std::string name = name_of({text, where});
  const std::string place = where + ": tensor '" + name + "'";
  std::vector<std::string> strings;
  ProtobufReader reader(text, place);
  while (reader.next())
    if (reader.field() == TensorField::string_data) strings.push_back(reader.text());
  const TensorMessage message = read_message({text, place});
  if (message.data_type != kStrings) return std::nullopt;
  if (byte_size(DType::i64, message.shape, place) != strings.size() * sizeof(std::int64_t))
    throw Failure(Errc::corrupt, place + ": " + std::to_string(strings.size()) + " strings for shape " +
                                     to_string(message.shape));
  Tensor positions(DType::i64, message.shape);
  const auto values = positions.mutable_values<std::int64_t>();
  std::iota(values.begin(), values.end(), 0);
  return NamedStrings{name, std::move(positions), std::move(strings)};
}

NamedTensor parse_onnx_tensor(std::string_view text, const OnnxSource& source, const std::string& where) {
  const std::string name = name_of({text, where});
  const std::string place = name.empty() ? where : where + ": tensor '" + name + "'";
  const TensorMessage message = read_message({text, place});
  const std::optional<DType> type = dtype_of_onnx(message.data_type);
  if (!type) {
    throw Failure(Errc::unsupported, place + ": element type " + std::to_string(message.data_type) +
                                         " of ONNX" + foreign_type(message.data_type) +
                                         " is not supported; export the model without it");
  }
  if (message.raw.has_value() + message.external + !message.typed.empty() > 1)
    throw Failure(Errc::corrupt, place + ": has its elements in two places");
  if (message.external) return {name, from_external(message, *type, source, place)};
  if (message.raw) return {name, from_raw(*message.raw, *type, message.shape, source, place)};
  return {name, from_typed(message.typed, *type, message.shape, place)};
}

}  // namespace dormouse::engine
