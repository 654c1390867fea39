#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {{"episode", "ID", "recall what resembles this episode"},
                               {"k", "N", "how many (10)"},
                               {"label", "LABEL", "only episodes with this label"}};

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  const auto episode = arguments.integer("episode");
  const bool file = arguments.positional().size() > 1;
  if (episode.has_value() == file) throw UsageError{"give either --episode ID or a file"};
  HttpClient client(arguments.socket());
  boost::json::object json{{"model", model}, {"k", arguments.integer("k").value_or(10)}};
  if (const auto label = arguments.value("label")) json["filter"] = {{"label", *label}};
  std::string reply;
  if (episode) {
    json["episode"] = *episode;
    reply = ask_text(client, post("/v1/recall", boost::json::serialize(json)));
  } else {
    const TensorSpec input = ask_inputs(client, model).front();
    const std::string& path = arguments.positional()[1];
    const FittedInput fitted = fit(read_input_file(path), input, path);
    if (fitted.clip) json["parameters"] = {{"clip", true}};
    reply = ask_text(client, pack(std::move(json), input.name, fitted.tensor).call("/v1/recall"));
  }
  std::cout << (arguments.json() ? reply + "\n" : readable(parse_json(reply)));
  return kOk;
}

}  // namespace

extern const Verb recall_verb{.name = "recall",
                              .group = "use",
                              .summary = "list the episodes and concepts most like an episode or a file",
                              .arguments = "MODEL (--episode ID | FILE)",
                              .example = "dormouse recall digits --episode 18204 --k 5",
                              .options = kOptions,
                              .run = run};

}  // namespace dormouse::daemon
