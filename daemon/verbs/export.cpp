#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <filesystem>
#include <iostream>

#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/infer_local.h"
#include "engine/formats/onnx.h"
#include "learning/model_spec.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"output", "FILE", "where the exported model goes (MODEL.standard.onnx, MODEL.stream.onnx)"},
    {"stream", "SPEC.yaml",
     "of the spec that MODEL was trained from, the form that takes a sample at a time"}};

boost::json::object as_json(const engine::InputNormaliser& normaliser) {
  return {{"mean", boost::json::value_from(normaliser.mean)},
          {"deviation", boost::json::value_from(normaliser.deviation)}};
}

engine::Graph model_in(const std::string& path) {
  const bool spec = path.ends_with(".yaml") || path.ends_with(".yml");
  return spec ? learning::untrained_model(learning::read_model_spec(path)) : engine::read_onnx(path);
}

/// What is to be exported.
engine::Graph asked_for(const Arguments& arguments, const std::string& model) {
  const auto spec = arguments.value("stream");
  if (!spec) return model_in(model);
  return learning::stream_model(learning::read_model_spec(*spec), model_in(model));
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  const char* const ending = arguments.value("stream") ? ".stream.onnx" : ".standard.onnx";
  const std::string output =
      arguments.value_or("output", std::filesystem::path(model).replace_extension(ending).string());
  const engine::Graph exported = engine::in_standard_operators(asked_for(arguments, model));
  engine::write_onnx(exported, output);
  const std::size_t nodes = exported.nodes().size();
  const engine::InputNormaliser normaliser = normaliser_beside(model);
  boost::json::object result{{"model", output}, {"nodes", nodes}};
  if (!normaliser.empty()) result.emplace("normaliser", as_json(normaliser));
  if (arguments.json()) {
    std::cout << boost::json::serialize(result) << "\n";
    return kOk;
  }
  std::cout << output << ": " << nodes << " nodes, all of ONNX's opset 18\n";
  if (!normaliser.empty())
    std::cout << "Its seed memory normalises clips: name it in the configuration (seed: "
              << learning::seed_beside(model).string()
              << "), or do so elsewhere: per channel (x - mean) / deviation, "
              << boost::json::serialize(as_json(normaliser)) << "\n";
  return kOk;
}

}  // namespace

extern const Verb export_verb{
    .name = "export",
    .group = "run",
    .summary = "write a model or a spec in standard ONNX operators, for other runtimes",
    .arguments = "MODEL.onnx|SPEC.yaml [--stream SPEC.yaml] [-o OUT.onnx]",
    .words = 1,
    .example = "dormouse export waves.onnx -o waves.standard.onnx",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
