#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "daemon/verbs/all_verbs.h"
#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "learning/train.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"output", "FILE", "where the model goes (MODEL.onnx); its seed memory goes beside it"},
    {"labels", "A,B,…", "only these labels, in this order (else every one in FOLDER, sorted)"},
    {"epochs", "N", "instead of the spec's"},
    {"inputs", "N", "keep so many raw inputs of every class, so that nights may move the trunk (0)"},
    {"seed", "N", "of the random numbers, instead of the spec's"}};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

std::string seed_path(const std::filesystem::path& model) {
  return (model.parent_path() / model.stem()).string() + ".seed.safetensors";
}

int run(const Arguments& arguments) {
  learning::ModelSpec spec = learning::read_model_spec(arguments.positional(0, "SPEC"));
  spec.train.epochs = arguments.integer("epochs").value_or(spec.train.epochs);
  spec.train.seed = static_cast<std::uint64_t>(
      arguments.integer("seed").value_or(static_cast<std::int64_t>(spec.train.seed)));
  const auto data =
      learning::read_dataset(arguments.positional(1, "FOLDER"), split(arguments.value_or("labels", "")));
  const std::string output = arguments.value_or("output", spec.name + ".onnx");
  const auto report = [&](const learning::TrainProgress& progress) {
    if (!arguments.json())
      std::cerr << "epoch " << progress.epoch << "/" << progress.epochs << "  loss " << std::fixed
                << std::setprecision(4) << progress.loss << "\n";
  };
  const auto per_class =
      static_cast<std::size_t>(std::max<std::int64_t>(0, arguments.integer("inputs").value_or(0)));
  const auto trained = learning::train_model(spec, data, drivers::all_drivers(), report, {.inputs_per_class = per_class});
  engine::write_onnx(trained.graph, output);
  if (per_class == 0)
    learning::write_seed(seed_path(output), trained.seed);
  else
    learning::write_seed(seed_path(output), trained.seed, trained.inputs);
  if (arguments.json()) {
    std::cout << boost::json::serialize(boost::json::object{{"model", output},
                                                            {"seed", seed_path(output)},
                                                            {"heldout_accuracy", trained.heldout_accuracy}})
              << "\n";
    return kOk;
  }
  std::cout << output << " and " << seed_path(output) << ": " << std::fixed << std::setprecision(1)
            << 100 * trained.heldout_accuracy << "% of " << trained.seed.heldout.size()
            << " held-out clips\n";
  return kOk;
}

}  // namespace

extern const Verb train_verb{.name = "train",
                             .group = "learn",
                             .summary = "train a specified model on a folder of clips: ONNX and seed memory",
                             .arguments = "SPEC.yaml FOLDER [--output FILE.onnx]",
                             .example = "dormouse train words.yaml recordings/ --output words.onnx",
                             .options = kOptions,
                             .run = run};

}  // namespace dormouse::daemon
