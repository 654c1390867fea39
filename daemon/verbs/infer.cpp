#include <algorithm>
#include <boost/json/object.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/puzzles.h"
#include "daemon/verbs/resources.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    kDriverOption,
    kDeviceOption,
    {"steps", "N", "that a planner may take (as many as there are cells)"},
    {"time", "MS", "that a planner may think, in milliseconds"},
    {"unverified", "", "a planner in a file: the halting head decides alone, where it is calibrated"},
    {"seed", "N", "of the puzzle, where FILE is a size: 25 makes a maze of 25 by 25 (1)"}};

TensorMessage message_for(const std::string& file, const TensorSpec& input) {
  const FittedInput fitted = fit(read_input_file(file), input, file);
  boost::json::object json;
  if (fitted.clip) json["parameters"] = {{"clip", true}};
  return pack(std::move(json), input.name, fitted.tensor);
}

/// The values of a model without labels, which are its answer.
void add_values(Table& table, const std::string& file, const boost::json::value& reply) {
  constexpr std::size_t kShown = 6;
  for (const boost::json::value& output : reply.at("outputs").as_array()) {
    const auto* data = output.as_object().if_contains("data");
    std::string values;
    std::size_t count = 0;
    if (data)
      for (const boost::json::value& value : data->as_array()) {
        if (++count <= kShown) values += (values.empty() ? "" : " ") + cell(value);
      }
    table.add({file, cell(output, "name"), values + (count > kShown ? " …" : "")});
  }
}

/// The answers of a model with labels, and the sets of those that abstain.
Table answers_table(const std::vector<std::pair<std::string, boost::json::value>>& answers) {
  const auto has_set = [](const auto& answer) { return answer.second.as_object().contains("dormouse_set"); };
  const bool sets = std::ranges::any_of(answers, has_set);
  std::vector<std::string> headings{"file", "label", "confidence", "route", "novelty", "episode"};
  if (sets) headings.push_back("set");
  Table table(headings);
  for (const auto& [file, parameters] : answers) {
    std::vector<std::string> cells{file};
    const bool provisional = parameters.as_object().contains("dormouse_provisional");
    for (const std::string_view key : {"label", "confidence", "route", "novelty", "episode_id", "set"}) {
      if (key == "set" && !sets) continue;
      std::string& text = cells.emplace_back(cell(parameters, "dormouse_" + std::string(key)));
      if (key == "route" && provisional)
        text += text.find(',') == text.npos ? " (provisional)" : " (some provisional)";
    }
    table.add(std::move(cells));
  }
  return table;
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  arguments.positional(1, "FILE");
  if (const auto planner = NamedPlanner::find(arguments)) return planner->infer();
  if (names_file(model)) return infer_here(arguments);
  HttpClient client(arguments.socket());
  const TensorSpec input = ask_inputs(client, model).front();
  Table values({"file", "output", "values"});
  std::vector<std::pair<std::string, boost::json::value>> answers;
  const auto ask = [&](const std::string& file) {
    const TensorMessage message = message_for(file, input);
    const std::string reply =
        ask_text(client, message.call("/v2/models/" + percent_encode(model) + "/infer"));
    if (arguments.json()) {
      std::cout << reply << "\n";
      return;
    }
    const boost::json::value answer = parse_json(reply);
    if (const auto* parameters = answer.as_object().if_contains("parameters");
        parameters && parameters->as_object().contains("dormouse_label"))
      answers.emplace_back(file, *parameters);
    else
      add_values(values, file, answer);
  };
  ask_about_files(arguments, ask, [&] {
    if (!values.empty()) std::cout << values.text();
    if (!answers.empty()) std::cout << answers_table(answers).text();
  });
  return kOk;
}

}  // namespace

extern const Verb infer_verb{
    .name = "infer",
    .group = "use",
    .summary =
        "ask a model of the daemon, or an ONNX file, about .npy, .csv, .wav, raw f32 .bin or a drawn puzzle",
    .arguments = "(MODEL | MODEL.onnx) FILE…",
    .words = kAnyWords,
    .example = "dormouse infer digits seven.wav",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
