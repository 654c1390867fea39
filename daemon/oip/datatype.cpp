#include <algorithm>
#include <array>
#include <utility>

#include "daemon/oip/codec.h"

namespace dormouse::daemon {
namespace {

using engine::DType;

constexpr std::array<std::pair<std::string_view, DType>, 13> kNames{{{"BOOL", DType::boolean},
                                                                     {"UINT8", DType::u8},
                                                                     {"UINT16", DType::u16},
                                                                     {"UINT32", DType::u32},
                                                                     {"UINT64", DType::u64},
                                                                     {"INT8", DType::i8},
                                                                     {"INT16", DType::i16},
                                                                     {"INT32", DType::i32},
                                                                     {"INT64", DType::i64},
                                                                     {"FP16", DType::f16},
                                                                     {"FP32", DType::f32},
                                                                     {"FP64", DType::f64},
                                                                     {"BF16", DType::bf16}}};

std::vector<TensorSpec> specs(const engine::Graph& graph, const std::vector<engine::ValueId>& values) {
  std::vector<TensorSpec> listed;
  for (const engine::ValueId id : values) {
    const engine::ValueInfo& value = graph.value(id);
    listed.push_back({value.name, value.dtype, value.shape});
  }
  return listed;
}

}  // namespace

std::string_view datatype_name(DType type) {
  return std::ranges::find(kNames, type, &std::pair<std::string_view, DType>::second)->first;
}

std::optional<DType> datatype_from_name(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &std::pair<std::string_view, DType>::first);
  if (found == kNames.end()) return std::nullopt;
  return found->second;
}

std::vector<TensorSpec> input_specs(const engine::Graph& graph) { return specs(graph, graph.inputs()); }

std::vector<TensorSpec> output_specs(const engine::Graph& graph) { return specs(graph, graph.outputs()); }

boost::json::array metadata(std::span<const TensorSpec> specs) {
  boost::json::array listed;
  for (const TensorSpec& spec : specs) {
    boost::json::array shape(spec.shape.begin(), spec.shape.end());
    listed.push_back(
        {{"name", spec.name}, {"datatype", datatype_name(spec.dtype)}, {"shape", std::move(shape)}});
  }
  return listed;
}

}  // namespace dormouse::daemon
