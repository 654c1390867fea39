#include "daemon/service/configured_models.h"

#include <algorithm>

namespace dormouse::daemon {
namespace {

using Models = std::vector<std::shared_ptr<const ModelParts>>;

[[noreturn]] void refuse(const ModelParts& low, const ModelParts& planner, const std::string& why) {
  const ModelOptions& options = low.options;
  throw complaint(options.said, "planner",
                  "model " + options.name + ": '" + planner.options.name + "' cannot be its planner: " + why);
}

/// Whether a step that is looped can be a model's planner.
void check_thinker(const ModelParts& low, const ModelParts& planner) {
  const TensorSpec& x = planner.inputs.front();
  if (low.inputs.size() != 1 || low.inputs[0].dtype != x.dtype ||
      !engine::compatible(low.inputs[0].shape, x.shape))
    refuse(low, planner, "it takes " + to_string(x.shape) + ", and they need the same input");
  if (low.learnable) {
    if (planner.thinker->labels.empty()) refuse(low, planner, "its answers have no labels");
    return;
  }
  const engine::Graph& step = planner.thinker->planner.session()->graph();
  const engine::Shape& logits = step.value(step.outputs()[1]).shape;
  const TensorSpec& answer = low.outputs.front();
  if (!low.answers.empty() || answer.dtype != engine::DType::f32 || !engine::compatible(answer.shape, logits))
    refuse(low, planner,
           "its logits are " + to_string(logits) + ", and the model's first output is " +
               to_string(answer.shape));
}

void check_planner(const ModelParts& low, const Models& models) {
  if (low.options.planner.empty()) return;
  const auto named = [&](const auto& model) { return model->options.name == low.options.planner; };
  const auto found = std::ranges::find_if(models, named);
  if (found == models.end())
    throw complaint(low.options.said, "planner", "no other model is called '" + low.options.planner + "'");
  const ModelParts& planner = **found;
  if (planner.thinker) return check_thinker(low, planner);
  const auto same = [](const TensorSpec& a, const TensorSpec& b) {
    return a.dtype == b.dtype && a.shape == b.shape;
  };
  if (!low.learnable || !planner.learnable || !std::ranges::equal(low.inputs, planner.inputs, same))
    refuse(low, planner, "both need labels and the same inputs");
}

}  // namespace

bool divisible(const ModelParts& parts) {
  const auto first_is_dynamic = [](const TensorSpec& spec) {
    return spec.shape.rank() > 0 && spec.shape[0] == engine::kDynamic;
  };
  return std::ranges::all_of(parts.inputs, first_is_dynamic) &&
         std::ranges::all_of(parts.outputs, first_is_dynamic);
}

Models load_models(const Options& options, const drivers::DriverTable& drivers) {
  Models models;
  for (const ModelOptions& model : options.models) {
    try {
      models.push_back(load_model(model, drivers, options.process.driver));
    } catch (const Failure& failure) {
      throw unusable(model.said, "path", "model " + model.name, failure);
    }
  }
  for (const auto& model : models) {
    check_planner(*model, models);
    if (model->options.batching && !divisible(*model))
      throw complaint(model->options.said, "batching",
                      "model " + model->options.name +
                          ": 'batching' needs inputs and outputs whose first extent is dynamic");
  }
  return models;
}

}  // namespace dormouse::daemon
