#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

constexpr Option kRollbackOptions[] = {
    {"version", "N", "the version to go to (else the parent of the one in service)"}};

std::string path_of(const std::string& model, std::string_view rest) {
  return "/v1/models/" + percent_encode(model) + std::string(rest);
}

int versions(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  const std::string reply = ask_text(client, get(path_of(arguments.positional(0, "MODEL"), "/versions")));
  std::cout << (arguments.json() ? reply + "\n" : readable(parse_json(reply)));
  return kOk;
}

int rollback(const Arguments& arguments) {
  const std::string& model = arguments.positional(0, "MODEL");
  boost::json::object json;
  if (const auto version = arguments.integer("version")) json["version"] = *version;
  HttpClient client(arguments.admin_socket());
  const std::string reply = ask_text(client, post(path_of(model, "/rollback"), boost::json::serialize(json)));
  if (arguments.json()) {
    std::cout << reply << "\n";
  } else {
    std::cout << model << " now answers with version " << cell(parse_json(reply), "version") << "\n";
  }
  return kOk;
}

}  // namespace

extern const Verb model_versions_verb{
    .name = "model versions",
    .group = "models",
    .summary = "list a model's versions: who came from whom, in which sleep",
    .arguments = "MODEL",
    .words = 1,
    .example = "dormouse model versions digits",
    .options = {},
    .run = versions};

extern const Verb model_rollback_verb{.name = "model rollback",
                                      .group = "models",
                                      .summary = "serve an earlier version again: undo a night",
                                      .arguments = "MODEL [--version N]",
                                      .words = 1,
                                      .example = "dormouse model rollback digits --version 1",
                                      .options = kRollbackOptions,
                                      .run = rollback};

}  // namespace dormouse::daemon
