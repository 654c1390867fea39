#include <boost/json/object.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

TensorMessage message_for(const std::string& file, const TensorSpec& input) {
  const FittedInput fitted = fit(read_input_file(file), input, file);
  boost::json::object json;
  if (fitted.clip) json["parameters"] = {{"clip", true}};
  return pack(std::move(json), input.name, fitted.tensor);
}

void add_row(Table& table, const std::string& file, const boost::json::value& reply) {
  const auto* object = reply.if_object();
  const auto* found = object ? object->if_contains("parameters") : nullptr;
  const boost::json::value parameters = found ? *found : nullptr;
  table.add({file, cell(parameters, "dormouse_label"), cell(parameters, "dormouse_confidence"),
             cell(parameters, "dormouse_route"), cell(parameters, "dormouse_novelty"),
             cell(parameters, "dormouse_episode_id")});
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  arguments.positional(1, "FILE");
  if (names_file(model)) return infer_here(arguments);
  HttpClient client(arguments.socket());
  const TensorSpec input = ask_inputs(client, model).front();
  Table table({"file", "label", "confidence", "route", "novelty", "episode"});
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    const std::string& file = arguments.positional()[i];
    const TensorMessage message = message_for(file, input);
    const std::string reply =
        ask_text(client, message.call("/v2/models/" + percent_encode(model) + "/infer"));
    if (arguments.json()) {
      std::cout << reply << "\n";
    } else {
      add_row(table, file, parse_json(reply));
    }
  }
  if (!arguments.json()) std::cout << table.text();
  return kOk;
}

}  // namespace

extern const Verb infer_verb{
    .name = "infer",
    .group = "use",
    .summary = "ask a model of the daemon, or an ONNX file, about .npy, .csv, .wav or raw f32 .bin",
    .arguments = "(MODEL | MODEL.onnx) FILE…",
    .example = "dormouse infer digits seven.wav",
    .options = {},
    .run = run};

}  // namespace dormouse::daemon
