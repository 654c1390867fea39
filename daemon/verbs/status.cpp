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
  const std::string body = ask_text(client, get("/v1/status"));
  const boost::json::value status = parse_json(body);
  const bool degraded = cell(status, "state") == "degraded";
  if (arguments.json()) {
    std::cout << body << "\n";
  } else {
    std::cout << paint(degraded ? Tone::bad : Tone::good, "●") << " dormouse " << cell(status, "version")
              << "  " << cell(status, "state") << "\n";
    boost::json::object rest = status.is_object() ? status.get_object() : boost::json::object{};
    rest.erase("version");
    rest.erase("state");
    std::cout << readable(rest);
  }
  return degraded ? kDegraded : kOk;
}

}  // namespace

extern const Verb status_verb{.name = "status",
                              .group = "run",
                              .summary = "show how the daemon is, what it serves and remembers",
                              .arguments = "",
                              .example = "dormouse status",
                              .options = {},
                              .run = run};

}  // namespace dormouse::daemon
