#include <boost/json/object.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

using boost::json::object;

/// `object` with its "right" called what it means, and an answer that is drawn left out.
object for_people(const object& all, bool drawn) {
  object shown;
  for (const auto& [key, value] : all) {
    const object* const inner = value.if_object();
    if (key == "right" && value.is_number())
      shown["probably right"] = value;
    else if (key != "answer" || !drawn)
      shown[key] = inner && (key == "final" || key == "planner") ? for_people(*inner, drawn) : value;
  }
  return shown;
}

int run(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  const std::string reply =
      ask_text(client, get("/v1/why/" + percent_encode(arguments.positional(0, "EPISODE"))));
  if (arguments.json()) {
    std::cout << reply << "\n";
    return kOk;
  }
  const boost::json::value why = parse_json(reply);
  // Of a drawing people see more than of the classes of its cells.
  std::cout << readable(for_people(why.as_object(), why.as_object().contains("drawing")));
  return kOk;
}

}  // namespace

extern const Verb why_verb{.name = "why",
                           .group = "use",
                           .summary = "explain one answer: its route, signals, neighbours and heads",
                           .arguments = "EPISODE",
                           .words = 1,
                           .example = "dormouse why 18204",
                           .options = {},
                           .run = run};

}  // namespace dormouse::daemon
