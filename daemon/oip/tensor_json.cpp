#include "daemon/oip/tensor_json.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using engine::DType;
using engine::Shape;
using engine::Tensor;

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw Failure(Errc::invalid, what + ": " + why);
}

/// Walks JSON data in row-major order and hands each element to `take`.
template <class Take>
void walk_nested(const json::array& items, const Shape& shape, std::size_t axis, const std::string& what,
                 Take& take) {
  if (static_cast<std::int64_t>(items.size()) != shape[axis]) {
    refuse(what, "data is nested otherwise than shape " + to_string(shape) + " says");
  }
  for (const json::value& item : items) {
    if (axis + 1 == shape.rank()) {
      take(item);
    } else if (const json::array* inner = item.if_array()) {
      walk_nested(*inner, shape, axis + 1, what, take);
    } else {
      refuse(what, "data is nested otherwise than shape " + to_string(shape) + " says");
    }
  }
}

template <class Take>
void walk(const json::value& data, const Shape& shape, const std::string& what, Take take) {
  const json::array* items = data.if_array();
  if (!items) refuse(what, "\"data\" must be an array");
  const bool flat = items->empty() || !items->front().is_array();
  if (!flat) {
    if (shape.rank() == 0) refuse(what, "data is nested, but the shape is a scalar's");
    return walk_nested(*items, shape, 0, what, take);
  }
  if (static_cast<std::int64_t>(items->size()) != shape.elements()) {
    refuse(what, "shape " + to_string(shape) + " has " + std::to_string(shape.elements()) +
                     " elements, data has " + std::to_string(items->size()));
  }
  for (const json::value& item : *items) take(item);
}

template <class T>
T element(const json::value& item, const std::string& what) {
  if constexpr (std::is_same_v<T, bool>) {
    if (const bool* value = item.if_bool()) return *value;
    refuse(what, "BOOL data must be true or false");
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!item.is_number()) refuse(what, "data must be numbers");
    const auto value = static_cast<T>(item.to_number<double>());
    if (!std::isfinite(value)) refuse(what, "a value is too large for its type");
    return value;
  } else {
    json::error_code error;
    const T value = item.to_number<T>(error);
    if (error) refuse(what, "data must be whole numbers in the range of its type");
    return value;
  }
}

template <class T>
Tensor read(const json::value& data, const Shape& shape, const std::string& what) {
  std::size_t count = 0;
  walk(data, shape, what,
       [&](const json::value&) { ++count; });  // before the shape is believed and allocated
  Tensor tensor(engine::dtype_of<T>, shape);
  T* next = tensor.mutable_values<T>().data();
  walk(data, shape, what, [&](const json::value& item) { *next++ = element<T>(item, what); });
  return tensor;
}

template <class T>
void append_values(std::string& text, std::span<const T> values, const std::string& what) {
  std::array<char, 32> digits;
  text += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ',';
    if constexpr (std::is_same_v<T, bool>) {
      text += values[i] ? "true" : "false";
    } else {
      if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(values[i])) refuse(what, "it holds NaN or infinity: ask for it with binary_data");
      }
      text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), values[i]).ptr);
    }
  }
  text += ']';
}

}  // namespace

Tensor tensor_from_json(const json::value& data, DType type, const Shape& shape, const std::string& what) {
  switch (type) {
    case DType::f32:
      return read<float>(data, shape, what);
    case DType::f64:
      return read<double>(data, shape, what);
    case DType::i8:
      return read<std::int8_t>(data, shape, what);
    case DType::u8:
      return read<std::uint8_t>(data, shape, what);
    case DType::i16:
      return read<std::int16_t>(data, shape, what);
    case DType::u16:
      return read<std::uint16_t>(data, shape, what);
    case DType::i32:
      return read<std::int32_t>(data, shape, what);
    case DType::u32:
      return read<std::uint32_t>(data, shape, what);
    case DType::i64:
      return read<std::int64_t>(data, shape, what);
    case DType::u64:
      return read<std::uint64_t>(data, shape, what);
    case DType::boolean:
      return read<bool>(data, shape, what);
    case DType::f16:
    case DType::bf16:
      break;
  }
  refuse(what, "JSON does not carry this datatype: send it as binary data");
}

void append_json(std::string& text, const Tensor& tensor, const std::string& what) {
  switch (tensor.dtype()) {
    case DType::f32:
      return append_values(text, tensor.values<float>(), what);
    case DType::f64:
      return append_values(text, tensor.values<double>(), what);
    case DType::i8:
      return append_values(text, tensor.values<std::int8_t>(), what);
    case DType::u8:
      return append_values(text, tensor.values<std::uint8_t>(), what);
    case DType::i16:
      return append_values(text, tensor.values<std::int16_t>(), what);
    case DType::u16:
      return append_values(text, tensor.values<std::uint16_t>(), what);
    case DType::i32:
      return append_values(text, tensor.values<std::int32_t>(), what);
    case DType::u32:
      return append_values(text, tensor.values<std::uint32_t>(), what);
    case DType::i64:
      return append_values(text, tensor.values<std::int64_t>(), what);
    case DType::u64:
      return append_values(text, tensor.values<std::uint64_t>(), what);
    case DType::boolean:
      return append_values(text, tensor.values<bool>(), what);
    case DType::f16:
    case DType::bf16:
      break;
  }
  refuse(what, "JSON does not carry this datatype: ask for it with binary_data");
}

void append_quoted(std::string& text, std::string_view value) {
  text += json::serialize(json::string_view(value.data(), value.size()));
}

}  // namespace dormouse::daemon
