#include "daemon/verbs/infer_local.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <ranges>

#include "daemon/client/tensor_message.h"
#include "daemon/service/class_labels.h"
#include "daemon/verbs/number_evaluation.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/resources.h"
#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "engine/window.h"
#include "learning/seed.h"

namespace dormouse::daemon {
namespace {

using engine::Tensor;

constexpr std::size_t kShown = 6;  // values of an output in a table

/// The likeliest class when the output has one value a label.
std::string best_label(const Tensor& output, const std::vector<std::string>& labels) {
  const Tensor values = output.as(engine::DType::f64);
  const auto scores = values.values<double>();
  if (labels.empty() || scores.size() != labels.size()) return "–";
  return labels[static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin())];
}

std::string first_values(const Tensor& output) {
  const Tensor values = output.as(engine::DType::f64);
  std::string text;
  for (const double value :
       values.values<double>().first(std::min<std::size_t>(kShown, values.values<double>().size()))) {
    text += (text.empty() ? "" : " ") + cell(boost::json::value(value));
  }
  return static_cast<std::size_t>(output.elements()) > kShown ? text + " …" : text;
}

}  // namespace

engine::InputNormaliser normaliser_beside(const std::filesystem::path& model) {
  const auto seed = learning::seed_beside(model);
  return seed.empty() ? engine::InputNormaliser{} : learning::read_seed(seed).normaliser;
}

Tensor input_from(const std::string& file, const TensorSpec& spec,
                  const engine::InputNormaliser& normaliser) {
  const FittedInput fitted = fit(read_input_file(file), spec, file);
  if (!fitted.clip) return fitted.tensor;
  return engine::recording_input(fitted.tensor, spec.shape, normaliser);
}

void ask_about_files(const Arguments& arguments, const std::function<void(const std::string&)>& ask,
                     const std::function<void()>& show) {
  for (const std::string& file : arguments.positional() | std::views::drop(1)) {
    try {
      ask(file);
    } catch (const Failure& failure) {
      show();
      const std::string& what = failure.error().context;
      throw Failure(failure.error().code, what.starts_with(file) ? what : file + ": " + what);
    }
  }
  show();
}

bool names_file(const std::string& model) {
  return model.ends_with(".onnx") || model.find('/') != model.npos;
}

int infer_here(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  const engine::Session session(engine::read_onnx(model),
                                drivers_of(arguments, {.packed = drivers::cache_folder()}));
  const auto inputs = input_specs(session.graph());
  const auto outputs = output_specs(session.graph());
  if (inputs.size() != 1) {
    throw Failure(Errc::unsupported,
                  model + ": a file can be the input of a model with one input, this one has " +
                      std::to_string(inputs.size()));
  }
  if (const auto numbers = learning::number_model(session.graph()))
    return infer_numbers(arguments, session, *numbers);
  const engine::InputNormaliser normaliser = normaliser_beside(model);
  const std::vector<std::string> labels = class_labels(session.graph(), model).names;
  Table table({"file", "output", "shape", "label", "values"});
  const auto ask = [&](const std::string& file) {
    const std::vector<Tensor> input{input_from(file, inputs.front(), normaliser)};
    const std::vector<Tensor> results = session.run(input);
    InferResponse response{.model_name = model, .labels = labels};
    for (std::size_t k = 0; k < results.size(); ++k) {
      table.add({file, outputs[k].name, to_string(results[k].shape()), best_label(results[k], labels),
                 first_values(results[k])});
      response.outputs.push_back({outputs[k].name, results[k], {}});
    }
    if (arguments.json()) std::cout << encode_infer({}, response).body << "\n";
  };
  ask_about_files(arguments, ask, [&] {
    if (!arguments.json() && !table.empty()) std::cout << table.text();
  });
  return kOk;
}

}  // namespace dormouse::daemon
