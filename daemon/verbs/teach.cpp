#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"episode", "ID", "label an answer that was given, or name an anomaly of a stream, by its episode"}};

std::string teach_episode(HttpClient& client, const std::string& target, std::int64_t episode,
                          const std::string& label) {
  const std::string body =
      boost::json::serialize(boost::json::object{{"episode", episode}, {"label", label}});
  return ask_text(client, post(target, body));
}

std::string teach_file(HttpClient& client, const std::string& target, const std::string& file,
                       const TensorSpec& input, const std::string& label) {
  const FittedInput fitted = fit(read_input_file(file), input, file);
  boost::json::object json{{"label", label}};
  if (fitted.clip) json["parameters"] = {{"clip", true}};
  return ask_text(client, pack(std::move(json), input.name, fitted.tensor).call(target));
}

void show(const Arguments& arguments, const std::string& reply, const std::string& what) {
  if (arguments.json()) {
    std::cout << reply << "\n";
    return;
  }
  const boost::json::value taught = parse_json(reply);
  std::cout << what << "episode " << cell(taught, "episode") << " is '" << cell(taught, "label") << "'";
  if (cell(taught, "new_class") == "yes") std::cout << ", a new class";
  std::cout << "\n";
}

int run(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  const std::string& label = arguments.positional(1, "LABEL");
  const auto episode = arguments.integer("episode");
  const bool files = arguments.positional().size() > 2;
  if (episode.has_value() == files) throw UsageError{"give either --episode ID or files"};
  HttpClient client(arguments.socket());
  const std::string target = "/v1/models/" + percent_encode(model) + "/feedback";
  if (episode) {
    show(arguments, teach_episode(client, target, *episode, label), "");
    return kOk;
  }
  const TensorSpec input = ask_inputs(client, model).front();
  for (std::size_t i = 2; i < arguments.positional().size(); ++i) {
    const std::string& file = arguments.positional()[i];
    show(arguments, teach_file(client, target, file, input, label), file + ": ");
  }
  return kOk;
}

}  // namespace

extern const Verb teach_verb{
    .name = "teach",
    .group = "use",
    .summary = "say what an answer or a recording really is; a new label is a new class",
    .arguments = "MODEL|STREAM LABEL (--episode ID | FILE…)",
    .words = kAnyWords,
    .example = "dormouse teach digits three --episode 18204",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
