#include <span>

#include "capi/error.h"
#include "capi/model.h"
#include "capi/tensor.h"

using namespace dormouse;
using namespace dormouse::capi;

struct dormouse_result {
  explicit dormouse_result(std::vector<engine::Tensor> made) : tensors(std::move(made)) {
    for (engine::Tensor& tensor : tensors)
      outputs.push_back(described({tensor.dtype(), &tensor.shape(), tensor.mutable_data()}));
  }

  std::vector<engine::Tensor> tensors;
  std::vector<dormouse_tensor> outputs;  ///< lent
};

namespace {

std::vector<engine::Tensor> borrowed_all(std::span<const dormouse_tensor> tensors, std::string_view kind,
                                         const std::vector<dormouse_value>& values) {
  std::vector<engine::Tensor> result;
  result.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    result.push_back(borrowed(tensors[i], std::string(kind) + " '" + values[i].name + "'"));
  return result;
}

/// Checks what comes as pointer and count against what the model has.
std::span<const dormouse_tensor> checked(const dormouse_tensor* tensors, std::size_t count, const char* kind,
                                         const std::vector<dormouse_value>& values) {
  if (count != values.size())
    throw Failure(Errc::invalid, "the model has " + std::to_string(values.size()) + " " + kind + "s; given " +
                                     std::to_string(count));
  if (count > 0 && !tensors) throw Failure(Errc::invalid, "its " + std::string(kind) + "s are NULL");
  return {tensors, count};
}

std::vector<engine::Tensor> inputs_of(const dormouse_model* model, const dormouse_tensor* inputs,
                                      std::size_t count) {
  require(model, "model");
  return borrowed_all(checked(inputs, count, "input", model->inputs), "input", model->inputs);
}

}  // namespace

dormouse_status dormouse_run(const dormouse_model* model, const dormouse_tensor* inputs, size_t input_count,
                             dormouse_result** result, dormouse_error* error) {
  return guarded(error, [&] {
    require(result, "where to put the result");
    const std::vector<engine::Tensor> given = inputs_of(model, inputs, input_count);
    *result = new dormouse_result(model->session->run(given));
  });
}

dormouse_status dormouse_run_into(const dormouse_model* model, const dormouse_tensor* inputs,
                                  size_t input_count, const dormouse_tensor* outputs, size_t output_count,
                                  dormouse_error* error) {
  return guarded(error, [&] {
    const std::vector<engine::Tensor> given = inputs_of(model, inputs, input_count);
    const auto room = checked(outputs, output_count, "output", model->outputs);
    const std::vector<engine::Tensor> targets = borrowed_all(room, "output", model->outputs);
    std::vector<engine::View> views;
    for (const engine::Tensor& target : targets)
      views.push_back({target.dtype(), &target.shape(), const_cast<std::byte*>(target.data())});
    model->session->run_into(given, views);
  });
}

size_t dormouse_result_count(const dormouse_result* result) { return result->outputs.size(); }

const dormouse_tensor* dormouse_result_output(const dormouse_result* result, size_t index) {
  return index < result->outputs.size() ? &result->outputs[index] : nullptr;
}

void dormouse_result_free(dormouse_result* result) { delete result; }
