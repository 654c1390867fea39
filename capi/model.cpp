#include "capi/model.h"

#include <span>

#include "capi/error.h"
#include "capi/tensor.h"
#include "drivers/all_drivers.h"
#include "engine/formats/all_formats.h"
#include "engine/formats/onnx.h"

using namespace dormouse;
using namespace dormouse::capi;

namespace {

std::vector<const engine::Driver*> chosen_drivers(const dormouse_options& options) {
  const auto all = drivers::all_drivers(options.threads);
  std::vector<const engine::Driver*> chosen(all.begin(), all.end());
  if (!options.driver.empty())
    std::erase_if(chosen, [&](const engine::Driver* driver) { return driver->name() != options.driver; });
  return chosen;
}

std::vector<engine::ValueInfo> values_of(const engine::Graph& graph,
                                         const std::vector<engine::ValueId>& ids) {
  std::vector<engine::ValueInfo> values;
  for (const engine::ValueId id : ids) values.push_back(graph.value(id));
  for (engine::ValueInfo& value : values) value.constant.reset();
  return values;
}

std::vector<dormouse_value> lent(const std::vector<engine::ValueInfo>& values) {
  std::vector<dormouse_value> result;
  for (const engine::ValueInfo& value : values) {
    const auto rank = value.shape_known ? static_cast<int32_t>(value.shape.rank()) : DORMOUSE_UNKNOWN_RANK;
    result.push_back({value.name.c_str(), type_of(value.dtype), rank,
                      value.shape_known ? value.shape.extents().data() : nullptr});
  }
  return result;
}

std::vector<const engine::Op*> operators_of(const dormouse_options& options) {
  std::vector<const engine::Op*> operators;
  for (const auto& op : options.operators) operators.push_back(op.get());
  return operators;
}

template <class Read>
dormouse_status load(const dormouse_options* given, dormouse_model** model, dormouse_error* error,
                     Read read) {
  return guarded(error, [&] {
    require(model, "where to put the model");
    const dormouse_options defaults;
    const dormouse_options& options = given ? *given : defaults;
    *model = new dormouse_model(options, read(operators_of(options)));
  });
}

const dormouse_value* at(const std::vector<dormouse_value>& values, std::size_t index) {
  return index < values.size() ? &values[index] : nullptr;
}

}  // namespace

dormouse_model::dormouse_model(const dormouse_options& options, engine::Graph graph)
    : operators(options.operators),
      input_values(values_of(graph, graph.inputs())),
      output_values(values_of(graph, graph.outputs())),
      inputs(lent(input_values)),
      outputs(lent(output_values)) {
  session = std::make_unique<engine::Session>(std::move(graph), chosen_drivers(options));
}

dormouse_status dormouse_load(const char* path, const dormouse_options* options, dormouse_model** model,
                              dormouse_error* error) {
  return load(options, model, error, [path](std::span<const engine::Op* const> operators) {
    require(path, "the path");
    return engine::load_graph(path, operators);
  });
}

dormouse_status dormouse_load_memory(const void* bytes, size_t size, const dormouse_options* options,
                                     dormouse_model** model, dormouse_error* error) {
  return load(options, model, error, [bytes, size](std::span<const engine::Op* const> operators) {
    require(bytes, "the model's bytes");
    return engine::read_onnx(engine::borrow({static_cast<const std::byte*>(bytes), size}), "model in memory",
                             operators);
  });
}

void dormouse_model_free(dormouse_model* model) { delete model; }

size_t dormouse_input_count(const dormouse_model* model) { return model->inputs.size(); }

size_t dormouse_output_count(const dormouse_model* model) { return model->outputs.size(); }

const dormouse_value* dormouse_input(const dormouse_model* model, size_t index) {
  return at(model->inputs, index);
}

const dormouse_value* dormouse_output(const dormouse_model* model, size_t index) {
  return at(model->outputs, index);
}

size_t dormouse_copied_inputs(const dormouse_model* model) { return model->session->copied_inputs(); }
