#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/moment.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

constexpr Option kOptions[] = {{"episode", "ID", "what resembles this episode"},
                               {"vector", "FILE", "what is nearest to a latent"},
                               {"k", "N", "how many (10)"},
                               {"label", "LABEL", "only episodes with this label"},
                               {"after", "TIME", "only later ones: a date, or 2h ago …"},
                               {"before", "TIME", "only earlier ones"},
                               {"stream", "STREAM", "only what came in this stream"},
                               {"version", "N", "only what this version of the model answered"},
                               {"next", "", "also tell what happened next"},
                               {"gap", "DURATION", "how soon is next (60s)"}};

json::object filter_of(const Arguments& arguments) {
  json::object filter;
  const Clock::Wall now = SystemClock().wall();
  if (const auto label = arguments.value("label")) filter["label"] = *label;
  for (const char* key : {"after", "before"})
    if (const auto moment = arguments.value(key)) filter[key] = parse_moment(*moment, key, now);
  if (const auto stream = arguments.value("stream")) filter["stream"] = *stream;
  if (const auto version = arguments.integer("version")) filter["version"] = *version;
  return filter;
}

json::array vector_of(const std::string& path) {
  json::array vector;
  const engine::Tensor latent = read_input_file(path).as(engine::DType::f32);
  for (const float x : latent.values<float>()) vector.push_back(x);
  return vector;
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  const auto episode = arguments.integer("episode");
  const auto vector = arguments.value("vector");
  const bool file = arguments.positional().size() > 1;
  json::object body{{"model", model}, {"k", arguments.integer("k").value_or(10)}};
  json::object filter = filter_of(arguments);
  const int ways = episode.has_value() + vector.has_value() + file;
  if (ways > 1)
    throw UsageError{"give one of --episode ID, --vector FILE and a file, or none of them for the newest"};
  if (ways == 0 || !filter.empty()) body["filter"] = std::move(filter);
  if (arguments.flag("next")) body["next"] = true;
  if (const auto gap = arguments.value("gap")) body["gap"] = *gap;
  if (episode) body["episode"] = *episode;
  if (vector) body["vector"] = vector_of(*vector);

  HttpClient client(arguments.socket());
  std::string reply;
  if (file) {
    const TensorSpec input = ask_inputs(client, model).front();
    const std::string& path = arguments.positional()[1];
    const FittedInput fitted = fit(read_input_file(path), input, path);
    if (fitted.clip) body["parameters"] = {{"clip", true}};
    reply = ask_text(client, pack(std::move(body), input.name, fitted.tensor).call("/v1/recall"));
  } else {
    reply = ask_text(client, post("/v1/recall", json::serialize(body)));
  }
  std::cout << (arguments.json() ? reply + "\n" : readable(parse_json(reply)));
  return kOk;
}

}  // namespace

extern const Verb recall_verb{
    .name = "recall",
    .group = "use",
    .summary = "find episodes and concepts: by likeness, label or time, and what came next",
    .arguments = "MODEL|STREAM [FILE | --vector FILE | --episode ID]",
    .words = 2,
    .example = "dormouse recall digits --episode 18204 --next",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
