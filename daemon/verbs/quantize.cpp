#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/quantize_data.h"
#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"

namespace dormouse::daemon {
namespace {

constexpr std::int64_t kRuns = 200;

constexpr Option kOptions[] = {
    {"output", "FILE", "where the quantised model goes (MODEL.int8.onnx)"},
    {"data", "FILE.npz|FOLDER", "inputs to find the ranges of values with: archives, or what infer takes"},
    {"runs", "N", "use at most N of them, evenly spread (200)"},
    {"signed", "", "activations are i8 instead of u8"},
    {"dynamic", "", "quantise the weights of products alone; needs no data"}};

engine::Graph quantized(const Arguments& arguments, const std::string& model) {
  const engine::Graph graph = engine::read_onnx(model);
  if (arguments.flag("dynamic")) {
    if (arguments.flag("data")) throw UsageError{"--dynamic needs no --data"};
    return engine::quantize_dynamically(graph);
  }
  const auto data = arguments.value("data");
  if (!data) throw UsageError{"--data FILE.npz|FOLDER is missing (or give --dynamic)"};
  const std::int64_t most = arguments.integer("runs").value_or(kRuns);
  if (most < 1) throw UsageError{"--runs must be at least 1"};
  return engine::quantize_statically(
      graph, read_runs(*data, model, graph, static_cast<std::size_t>(most)), drivers::all_drivers(),
      {.activations = arguments.flag("signed") ? engine::DType::i8 : engine::DType::u8});
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL.onnx");
  const std::string output =
      arguments.value_or("output", std::filesystem::path(model).replace_extension(".int8.onnx").string());
  engine::write_onnx(quantized(arguments, model), output);
  const auto before = std::filesystem::file_size(model), after = std::filesystem::file_size(output);
  if (arguments.json())
    std::cout << boost::json::serialize(
                     boost::json::object{{"model", output}, {"bytes", after}, {"original_bytes", before}})
              << "\n";
  else
    std::cout << output << ": " << after << " bytes, of " << before << "\n";
  return kOk;
}

}  // namespace

extern const Verb quantize_verb{
    .name = "quantize",
    .group = "run",
    .summary = "make a model compute on 8-bit integers: smaller and faster, a little less exact",
    .arguments = "MODEL.onnx -o OUT.onnx --data FILE.npz|FOLDER | --dynamic",
    .words = 1,
    .example = "dormouse quantize words.onnx -o words.int8.onnx --data recordings/",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
