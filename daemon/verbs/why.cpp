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
  std::cout << (arguments.json() ? reply + "\n" : readable(parse_json(reply)));
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
