#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "config/text.h"
#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/moment.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

constexpr Option kOptions[] = {
    {"label", "LABEL", "every episode taught, or answered and never corrected, as LABEL"},
    {"before", "TIME", "every episode before a date, or longer ago than 30d, 12h …"},
    {"id", "ID[,ID…]", "these episodes"},
    {"like", "FILE", "every episode that resembles what is in a file"},
    {"within", "D", "how near --like means, as distance of latents (as neighbours in a class)"},
    {"dry-run", "", "only say how much would go"},
    {"yes", "", "do not ask"}};

json::array ids_of(std::string_view text) {
  json::array ids;
  for (const std::string_view word : config::split(text, ',')) {
    const auto id = config::parse_number<std::uint64_t>(word);
    if (!id) throw UsageError{"--id must be episode numbers, not '" + std::string(word) + "'"};
    ids.push_back(*id);
  }
  return ids;
}

/// What to forget, as the daemon takes it.
class Order {
 public:
  Order(const Arguments& arguments, HttpClient& client)
      : client_(client), json_{{"model", arguments.positional(0, "MODEL")}} {
    const auto label = arguments.value("label"), before = arguments.value("before"),
               id = arguments.value("id"), like = arguments.value("like");
    const auto within = arguments.number("within", "a distance", [](double d) { return d >= 0; });
    if (label.has_value() + before.has_value() + id.has_value() + like.has_value() != 1)
      throw UsageError{"say what to forget by one of --label, --before, --id and --like"};
    if (within && !like) throw UsageError{"--within goes with --like"};
    if (label) json_["label"] = *label;
    if (before) json_["before"] = parse_moment(*before, "before", SystemClock().wall());
    if (id) json_["ids"] = ids_of(*id);
    if (within) json_["within"] = *within;
    if (!like) return;
    input_ = ask_inputs(client, arguments.positional(0, "MODEL")).front();
    fitted_ = fit(read_input_file(*like), *input_, *like);
    if (fitted_.clip) json_["parameters"] = {{"clip", true}};
  }

  json::value send(bool dry_run) {
    json::object body = json_;
    body["dry_run"] = dry_run;
    if (input_) return ask(client_, pack(std::move(body), input_->name, fitted_.tensor).call("/v1/forget"));
    const std::string text = json::serialize(body);
    return ask(client_, post("/v1/forget", text));
  }

 private:
  HttpClient& client_;
  json::object json_;
  std::optional<TensorSpec> input_;
  FittedInput fitted_;
};

std::string amount(const json::value& reply) {
  const auto counted = [&](const char* key, const std::string& one) {
    const std::string number = cell(reply, key);
    return number + " " + one + (number == "1" ? "" : "s");
  };
  return counted("episodes", "episode") + " (part of " + counted("concepts", "concept") + ")";
}

bool confirmed() {
  std::cerr << "They cannot be brought back. Forget them? [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

int run(const Arguments& arguments) {
  HttpClient client(arguments.admin_socket());
  Order order(arguments, client);
  const bool dry_run = arguments.flag("dry-run");
  if (dry_run || !arguments.flag("yes")) {
    const json::value would = order.send(true);
    if (dry_run && arguments.json())
      std::cout << json::serialize(would) << "\n";
    else
      (dry_run ? std::cout : std::cerr) << amount(would) << " would be forgotten\n";
    if (dry_run || cell(would, "episodes") + cell(would, "concepts") == "00") return kOk;
    if (!confirmed()) return std::cerr << "nothing was forgotten\n", kFailed;
  }
  const json::value gone = order.send(false);
  if (arguments.json())
    std::cout << json::serialize(gone) << "\n";
  else
    std::cout << amount(gone) << " forgotten\n";
  return kOk;
}

}  // namespace

extern const Verb forget_verb{
    .name = "forget",
    .group = "use",
    .summary = "erase episodes, and what they left in concepts and fast weights, for good",
    .arguments = "MODEL|STREAM (--label LABEL | --before TIME | --id ID[,ID…] | --like FILE [--within D])",
    .words = 1,
    .example = "dormouse forget digits --label three --dry-run",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
