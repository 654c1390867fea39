#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"

namespace dormouse::daemon {
namespace {

int reset(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  HttpClient client(arguments.admin_socket());
  const std::string reply =
      ask_text(client, post("/v1/models/" + percent_encode(model) + "/router/reset", "{}"));
  std::cout << (arguments.json() ? reply : "the routing of " + model + " begins anew") << "\n";
  return kOk;
}

}  // namespace

extern const Verb router_reset_verb{
    .name = "router reset",
    .group = "models",
    .summary = "forget when a model's own answers will do: gate, audits and certificate",
    .arguments = "MODEL",
    .words = 1,
    .example = "dormouse router reset digits",
    .options = {},
    .run = reset};

}  // namespace dormouse::daemon
