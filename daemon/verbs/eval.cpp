#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/evaluation.h"
#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/number_evaluation.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/puzzles.h"
#include "daemon/verbs/resources.h"
#include "engine/formats/onnx.h"

namespace dormouse::daemon {
namespace {

using Drivers = std::span<const engine::Driver* const>;

constexpr Option kOptions[] = {
    {"version", "N", "the slow weights of this version alone (else the model as it answers)"},
    {"label", "COLUMN", "of a table or npz, what is to be known (label)"},
    {"threads", "N", "of MODEL.onnx: work together on a batch (else 1)"},
    kDriverOption,
    kDeviceOption,
    {"count", "N", "puzzles, where a planner's DATA is a size: 17 makes mazes of 17 by 17 (1000)"},
    {"seed", "N", "of these (2)"},
    {"steps", "N", "that a planner may take (as many as there are cells)"},
    {"time", "MS", "that a planner may think, in milliseconds"},
    {"unverified", "", "a planner in a file: the halting head decides alone, where it is calibrated"},
    {"stride", "ROWS", "of a forecast: from the beginning of one window to that of the next (1)"}};

/// What the daemon answers to one clip. Nothing is remembered of it.
std::string ask_label(HttpClient& client, const std::string& target, const std::string& input,
                      const engine::Tensor& clip, bool slow) {
  boost::json::object json;
  json["parameters"] = {{"clip", true}, {"dormouse_remember", false}, {"dormouse_slow", slow}};
  json["outputs"] = {{{"name", "probabilities"}}};
  const auto reply = parse_json(ask_text(client, pack(std::move(json), input, clip).call(target)));
  return cell(reply.at("parameters"), "dormouse_label");
}

/// Of a model of the daemon; a label that the data does not have is taken for one more class.
Evaluation evaluate_there(const Arguments& arguments, const learning::Dataset& data) {
  const std::string& model = arguments.positional(0, "MODEL");
  HttpClient client(arguments.socket());
  const std::string input = ask_inputs(client, model).front().name;
  const auto version = arguments.integer("version");
  const std::string target = "/v2/models/" + percent_encode(model) +
                             (version ? "/versions/" + std::to_string(*version) : "") + "/infer";
  std::vector<std::string> labels = data.labels;
  std::vector<learning::ClassIndex> named;
  for (const engine::Tensor& clip : data.clips) {
    const std::string label = ask_label(client, target, input, clip, version.has_value());
    const auto found = std::ranges::find(labels, label);
    named.push_back(static_cast<learning::ClassIndex>(found - labels.begin()));
    if (found == labels.end()) labels.push_back(label);
  }
  Evaluation result{labels, learning::Confusion(labels.size())};
  for (std::size_t i = 0; i < named.size(); ++i) result.confusion.add(data.classes[i], named[i]);
  return result;
}

/// Of a model in a file that answers with numbers; nothing for a classifier.
std::optional<NumberEvaluation> evaluate_numbers_here(const Arguments& arguments, const std::string& model,
                                                      Drivers drivers) {
  const engine::Graph graph = engine::read_onnx(model);
  if (!learning::number_model(graph)) return std::nullopt;
  const std::int64_t stride = arguments.integer("stride").value_or(1);
  if (stride < 1) throw UsageError{"--stride takes a number of rows from 1"};
  return evaluate_numbers(graph, arguments.positional(1, "DATA"), stride, drivers);
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  arguments.positional(1, "DATA");
  constexpr auto kAnyTime = std::chrono::hours(24);  // what it can is asked, not what it can in a hurry
  if (const auto planner = NamedPlanner::find(arguments, kAnyTime)) return planner->evaluate();
  std::vector<const engine::Driver*> drivers;
  if (names_file(model)) {
    drivers = drivers_of(arguments, {.threads = threads_of(arguments), .busy = true});
    if (const auto result = evaluate_numbers_here(arguments, model, drivers)) {
      std::cout << (arguments.json() ? boost::json::serialize(to_json(*result)) + "\n" : to_text(*result));
      return kOk;
    }
  }
  const auto data =
      learning::read_dataset(arguments.positional(1, "DATA"), {}, {arguments.value_or("label", "label"), ""});
  const Evaluation result =
      names_file(model) ? evaluate_here(model, data, drivers) : evaluate_there(arguments, data);
  std::cout << (arguments.json() ? boost::json::serialize(to_json(result)) + "\n" : to_text(result));
  return kOk;
}

}  // namespace

extern const Verb eval_verb{
    .name = "eval",
    .group = "learn",
    .summary = "measure a model on labelled data: accuracy, F1, confusion; of numbers MAE, RMSE, R²",
    .arguments = "MODEL|MODEL.onnx DATA [--version N]",
    .words = 2,
    .example = "dormouse eval words recordings/test",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
