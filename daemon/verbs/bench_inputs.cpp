#include "daemon/verbs/bench_inputs.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "engine/formats/npy.h"

namespace dormouse::daemon {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;
using engine::ValueInfo;

std::map<std::string, std::string> parse_pairs(std::string_view text, std::string_view example) {
  std::map<std::string, std::string> pairs;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.rfind('=');
    if (equals == pair.npos || equals == 0 || equals + 1 == pair.size())
      throw Failure(Errc::invalid, "'" + std::string(pair) + "': write " + std::string(example));
    if (!pairs.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second)
      throw Failure(Errc::invalid, "'" + std::string(pair.substr(0, equals)) + "' is given twice");
  }
  return pairs;
}

Shape parse_shape(std::string_view text) {
  Shape shape;
  for (const char* at = text.data(); at <= text.data() + text.size();) {
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), extent);
    const bool ends = end == text.data() + text.size();
    if (error != std::errc{} || extent < 0 || (!ends && *end != 'x'))
      throw Failure(Errc::invalid, "'" + std::string(text) + "' is no shape; write 1x3x224x224");
    shape.push_back(extent);
    if (ends) break;
    at = end + 1;
  }
  return shape;
}

Shape with_ones(Shape shape) {
  for (std::size_t d = 0; d < shape.rank(); ++d)
    if (shape[d] == engine::kDynamic) shape[d] = 1;
  return shape;
}

Tensor drawn(DType type, const Shape& shape, std::mt19937_64& random) {
  const bool real = type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
  Tensor values(DType::f32, shape);
  for (float& value : values.mutable_values<float>()) {
    const std::uint64_t bits = random() >> 40;  // 24, as many as a float holds
    value = real ? static_cast<float>(bits) / (1 << 23) - 1 : static_cast<float>(bits & 1);
  }
  return values.as(type);
}

template <class Chosen>
void check_names(const engine::Graph& graph, const Chosen& chosen) {
  for (const auto& [name, value] : chosen) {
    const auto named = [&](engine::ValueId id) { return graph.value(id).name == name; };
    if (std::ranges::any_of(graph.inputs(), named)) continue;
    std::string inputs;
    for (const engine::ValueId id : graph.inputs())
      inputs += (inputs.empty() ? "" : ", ") + graph.value(id).name;
    throw Failure(Errc::not_found, "the model has no input '" + name + "'; it has " + inputs);
  }
}

}  // namespace

std::map<std::string, Shape> parse_shapes(std::string_view text) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, shape] : parse_pairs(text, "NAME=1x3x224x224"))
    shapes.emplace(name, parse_shape(shape));
  return shapes;
}

std::map<std::string, std::string> parse_files(std::string_view text) {
  return parse_pairs(text, "NAME=FILE.npy");
}

std::vector<Tensor> bench_inputs(const engine::Graph& graph, const std::map<std::string, Shape>& shapes,
                                 const std::map<std::string, std::string>& files, std::uint64_t seed) {
  check_names(graph, shapes);
  check_names(graph, files);
  std::mt19937_64 random(seed);
  std::vector<Tensor> inputs;
  for (const engine::ValueId id : graph.inputs()) {
    const ValueInfo& value = graph.value(id);
    if (const auto file = files.find(value.name); file != files.end()) {
      inputs.push_back(engine::read_npy(file->second));
      continue;
    }
    const auto chosen = shapes.find(value.name);
    inputs.push_back(
        drawn(value.dtype, chosen != shapes.end() ? chosen->second : with_ones(value.shape), random));
  }
  return inputs;
}

}  // namespace dormouse::daemon
