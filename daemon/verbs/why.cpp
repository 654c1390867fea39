#include <boost/json/object.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

int run(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  const std::string reply = ask_text(client, get("/v1/why/" + percent_encode(arguments.positional(0, "ID"))));
  if (arguments.json()) {
    std::cout << reply << "\n";
    return kOk;
  }
  boost::json::value why = parse_json(reply);
  if (why.as_object().contains("drawing")) {  // of which people see more than of the classes of its cells
    why.as_object().erase("answer");
    auto* const later = why.as_object().if_contains("final");
    if (later && later->is_object()) later->as_object().erase("answer");
  }
  std::cout << readable(why);
  return kOk;
}

}  // namespace

extern const Verb why_verb{.name = "why",
                           .group = "use",
                           .summary = "explain one answer: its route, signals, neighbours and heads",
                           .arguments = "EPISODE",
                           .example = "dormouse why 18204",
                           .options = {},
                           .run = run};

}  // namespace dormouse::daemon
