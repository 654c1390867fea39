#pragma once

#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// ONNX files by hand, field by field, so that tests can write what no exporter would.
namespace dormouse::engine::onnx_builder {

inline std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text + static_cast<char>(value);
}

/// A number, a float, and bytes or a message.
inline std::string number(std::uint32_t field, std::int64_t value) {
  return varint(field << 3) + varint(static_cast<std::uint64_t>(value));
}
inline std::string real(std::uint32_t field, float value) {
  std::string raw(sizeof value, '\0');
  std::memcpy(raw.data(), &value, sizeof value);
  return varint(field << 3 | 5) + raw;
}
inline std::string bytes(std::uint32_t field, std::string_view content) {
  return varint(field << 3 | 2) + varint(content.size()) + std::string(content);
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string text;
  for (const T value : values) text.append(reinterpret_cast<const char*>(&value), sizeof value);
  return text;
}

using Extents = std::vector<std::int64_t>;
inline constexpr std::int64_t kFloat = 1, kInt32 = 6, kInt64 = 7;

/// A TensorProto; `data` is its data fields.
inline std::string tensor(std::string_view name, std::int64_t type, const Extents& extents,
                          std::string_view data) {
  std::string text;
  for (const std::int64_t extent : extents) text += number(1, extent);
  return text + number(2, type) + bytes(8, name) + std::string(data);
}
inline std::string floats(std::string_view name, const Extents& extents,
                          std::initializer_list<float> values) {
  return tensor(name, kFloat, extents, bytes(9, raw(values)));
}

/// An AttributeProto: `value` is its value fields, `type` its number.
inline std::string attribute(std::string_view name, std::int64_t type, std::string_view value) {
  return bytes(5, bytes(1, name) + std::string(value) + number(20, type));
}
inline std::string attribute(std::string_view name, std::int64_t value) {
  return attribute(name, 2, number(3, value));
}
inline std::string attribute(std::string_view name, const Extents& values) {
  std::string text;
  for (const std::int64_t value : values) text += number(8, value);
  return attribute(name, 7, text);
}

using Strings = std::initializer_list<std::string_view>;

/// A node field of a graph.
inline std::string node(std::string_view op, Strings inputs, Strings outputs, std::string_view more = "") {
  std::string text;
  for (const std::string_view input : inputs) text += bytes(1, input);
  for (const std::string_view output : outputs) text += bytes(2, output);
  return bytes(
      1, text + bytes(3, outputs.size() > 0 ? *outputs.begin() : "") + bytes(4, op) + std::string(more));
}

inline std::string initialiser(std::string_view tensor) { return bytes(5, tensor); }

/// A ValueInfoProto; extent -1 is left out, -2 and below are written as they are.
inline std::string value(std::string_view name, std::int64_t type, const Extents& extents) {
  std::string shape;
  for (const std::int64_t extent : extents) shape += bytes(1, extent == -1 ? "" : number(1, extent));
  return bytes(1, name) + bytes(2, bytes(1, number(1, type) + bytes(2, shape)));
}
inline std::string input(std::string_view name, const Extents& extents) {
  return bytes(11, value(name, kFloat, extents));
}
inline std::string output(std::string_view name) { return bytes(12, bytes(1, name)); }

inline std::string model(std::string_view graph, std::int64_t opset = 17, std::string_view more = "") {
  return number(1, 8) + bytes(7, graph) + bytes(8, number(2, opset)) + std::string(more);
}

}  // namespace dormouse::engine::onnx_builder
