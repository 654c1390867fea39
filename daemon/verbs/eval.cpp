#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <iostream>
#include <map>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"
#include "learning/dataset.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"version", "N", "the slow weights of this version alone (else the model as it answers)"}};

struct Score {
  std::size_t clips = 0;
  std::size_t right = 0;
  double share() const { return clips ? static_cast<double>(right) / static_cast<double>(clips) : 0; }
};

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f", 100 * share);
  return text;
}

/// What the daemon answers to one clip. Nothing is remembered of it.
std::string ask_label(HttpClient& client, const std::string& target, const std::string& input,
                      const engine::Tensor& clip, bool slow) {
  boost::json::object json;
  json["parameters"] = {{"clip", true}, {"dormouse_remember", false}, {"dormouse_slow", slow}};
  json["outputs"] = {{{"name", "probabilities"}}};
  const auto reply = parse_json(ask_text(client, pack(std::move(json), input, clip).call(target)));
  return cell(reply.at("parameters"), "dormouse_label");
}

void print(const Arguments& arguments, const std::map<std::string, Score>& scores, const Score& all) {
  if (arguments.json()) {
    boost::json::object labels;
    for (const auto& [label, score] : scores) labels[label] = score.share();
    std::cout << boost::json::serialize(boost::json::object{
                     {"clips", all.clips}, {"accuracy", all.share()}, {"labels", std::move(labels)}})
              << "\n";
    return;
  }
  Table table({"label", "clips", "right", "%"});
  for (const auto& [label, score] : scores)
    table.add({label, std::to_string(score.clips), std::to_string(score.right), percent(score.share())});
  table.add({"all", std::to_string(all.clips), std::to_string(all.right), percent(all.share())});
  std::cout << table.text();
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  const auto data = learning::read_dataset(arguments.positional(1, "FOLDER"));
  HttpClient client(arguments.socket());
  const std::string input = ask_inputs(client, model).front().name;
  const auto version = arguments.integer("version");
  const std::string target = "/v2/models/" + percent_encode(model) +
                             (version ? "/versions/" + std::to_string(*version) : "") + "/infer";
  std::map<std::string, Score> scores;
  Score all;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::string& truth = data.labels[data.classes[i]];
    const bool right = ask_label(client, target, input, data.clips[i], version.has_value()) == truth;
    for (Score* score : {&scores[truth], &all}) {
      ++score->clips;
      score->right += right;
    }
  }
  print(arguments, scores, all);
  return kOk;
}

}  // namespace

extern const Verb eval_verb{.name = "eval",
                            .group = "learn",
                            .summary = "measure the accuracy per label on a folder of labelled clips",
                            .arguments = "MODEL FOLDER [--version N]",
                            .example = "dormouse eval words recordings/test",
                            .options = kOptions,
                            .run = run};

}  // namespace dormouse::daemon
