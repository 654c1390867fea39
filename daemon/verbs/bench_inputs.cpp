#include "daemon/verbs/bench_inputs.h"

#include <algorithm>
#include <random>

#include "config/text.h"
#include "engine/footprint.h"
#include "engine/formats/npy.h"

namespace dormouse::daemon {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;
using engine::ValueInfo;

std::map<std::string, std::string> parse_pairs(std::string_view text, std::string_view example) {
  std::map<std::string, std::string> pairs;
  for (const std::string& pair : config::split_list(text)) {
    const auto equals = pair.rfind('=');
    if (equals == pair.npos || equals == 0)
      throw Failure(Errc::invalid, "'" + pair + "': write " + std::string(example));
    if (!pairs.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second)
      throw Failure(Errc::invalid, "'" + pair.substr(0, equals) + "' is given twice");
  }
  return pairs;
}

/// Without text the shape of a scalar.
Shape parse_shape(std::string_view text) {
  Shape shape;
  for (const std::string& part : config::split_list(text, 'x')) {
    const auto extent = config::parse_number<std::int64_t>(part);
    if (!extent || *extent < 0)
      throw Failure(Errc::invalid, "'" + std::string(text) + "' is no shape; write 1x3x224x224");
    shape.push_back(*extent);
  }
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
    throw Failure(Errc::not_found,
                  "the model has no input '" + name + "'; it has " +
                      config::join(graph.inputs(), [&](auto id) { return graph.value(id).name; }));
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
  auto files = parse_pairs(text, "NAME=FILE.npy");
  for (const auto& [name, file] : files)
    if (file.empty()) throw Failure(Errc::invalid, "'" + name + "=': write NAME=FILE.npy");
  return files;
}

std::vector<Shape> input_shapes(const engine::Graph& graph, const std::map<std::string, Shape>& shapes) {
  check_names(graph, shapes);
  std::vector<Shape> all = engine::least_shapes(graph);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (const auto chosen = shapes.find(graph.value(graph.inputs()[i]).name); chosen != shapes.end())
      all[i] = chosen->second;
  return all;
}

std::vector<Tensor> bench_inputs(const engine::Graph& graph, const std::map<std::string, Shape>& shapes,
                                 const std::map<std::string, std::string>& files, std::uint64_t seed) {
  const std::vector<Shape> wanted = input_shapes(graph, shapes);
  check_names(graph, files);
  std::mt19937_64 random(seed);
  std::vector<Tensor> inputs;
  for (const engine::ValueId id : graph.inputs()) {
    const ValueInfo& value = graph.value(id);
    const auto file = files.find(value.name);
    inputs.push_back(file != files.end() ? engine::read_npy(file->second)
                                         : drawn(value.dtype, wanted[inputs.size()], random));
  }
  return inputs;
}

}  // namespace dormouse::daemon
