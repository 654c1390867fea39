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
  const auto* sleep = status.is_object() ? status.get_object().if_contains("sleep") : nullptr;
  const std::string state = sleep ? cell(*sleep, "state") : "–";
  const bool degraded = cell(status, "degraded") == "yes";
  if (arguments.json()) {
    std::cout << body << "\n";
  } else {
    std::cout << paint(degraded ? Tone::bad : Tone::good, "●") << " dormouse " << cell(status, "version")
              << "  " << (degraded ? "degraded" : state) << "\n";
    boost::json::object rest = status.is_object() ? status.get_object() : boost::json::object{};
    for (const char* shown : {"name", "version", "degraded"}) rest.erase(shown);
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
