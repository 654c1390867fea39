#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "config/text.h"
#include "daemon/service/model_parts.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/resources.h"
#include "learning/train.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"output", "FILE", "where the seed goes (MODEL.seed.safetensors)"},
    {"cut", "NAME", "the value that is the latent (else the input of the last linear layer)"},
    {"labels", "A,B,…", "of the model's classes, in order (else the file's metadata)"},
    {"inputs", "N", "keep so many raw inputs of every class, so that nights may move the trunk (0)"},
    {"raw", "", "the model takes samples as they are: measure no normalisation"},
    kDriverOption,
    kDeviceOption};

int run(const Arguments& arguments) {
  ModelOptions options;
  options.path = arguments.positional(0, "MODEL.onnx");
  options.name = options.path.stem().string();
  options.cut = arguments.value_or("cut", "");
  options.labels = config::split_list(arguments.value_or("labels", ""));
  const auto parts = load_model(options, drivers::DriverTable(drivers_of(arguments, {})));
  if (!parts->answers.empty())
    throw Failure(Errc::invalid, options.path.string() +
                                     ": answers with the class itself, so that no head "
                                     "can learn beside it, and no seed is needed");
  if (!parts->learnable)
    throw Failure(Errc::invalid,
                  options.path.string() + ": the file does not name its classes; give them with --labels");
  const auto data = learning::read_dataset(arguments.positional(1, "FOLDER"), parts->learnable->labels);
  const auto seed = learning::seed_model(parts->graph, parts->learnable->cut, data, !arguments.flag("raw"),
                                         {}, parts->drivers);
  const std::string output = arguments.value_or(
      "output", (options.path.parent_path() / options.path.stem()).string() + ".seed.safetensors");
  const auto per_class =
      static_cast<std::size_t>(std::max<std::int64_t>(0, arguments.integer("inputs").value_or(0)));
  if (per_class == 0)
    learning::write_seed(output, seed);
  else
    learning::write_seed(output, seed,
                         learning::seed_inputs(parts->graph, data, seed.normaliser, {}, per_class));
  if (arguments.json())
    std::cout << boost::json::serialize(boost::json::object{
                     {"seed", output}, {"replay", seed.replay.size()}, {"heldout", seed.heldout.size()}})
              << "\n";
  else
    std::cout << output << ": " << seed.replay.size() << " latents to rehearse, " << seed.heldout.size()
              << " held out, " << seed.labels.size() << " classes\n";
  return kOk;
}

}  // namespace

extern const Verb seed_verb{.name = "seed",
                            .group = "learn",
                            .summary = "make the seed memory of an ONNX classifier from labelled clips",
                            .arguments = "MODEL.onnx FOLDER [--output FILE]",
                            .words = 2,
                            .example = "dormouse seed activity.onnx windows/ --labels walking,sitting",
                            .options = kOptions,
                            .run = run};

}  // namespace dormouse::daemon
