#include "daemon/routes/version_list.h"

#include <boost/json.hpp>

#include "daemon/service/describe.h"
#include "daemon/service/learner.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

/// Accuracy by class after the night that made a version, from its report.
json::object accuracy_of(const std::string& report) {
  json::object accuracy;
  boost::system::error_code error;
  const json::value parsed = json::parse(report, error);
  if (error || !parsed.is_object()) return accuracy;
  const json::value* classes = parsed.get_object().if_contains("classes");
  if (!classes || !classes->is_array()) return accuracy;
  for (const json::value& row : classes->get_array())
    if (const json::object* object = row.if_object();
        object && object->contains("label") && object->contains("after"))
      accuracy[object->at("label").as_string()] = object->at("after");
  return accuracy;
}

}  // namespace

json::array version_list(const memory::Store& store, const std::string& model, std::int64_t active) {
  json::array list{{{"version", 0}, {"parent", nullptr}, {"state", active == 0 ? "active" : "shipped"}}};
  for (const memory::VersionRecord& record : store.versions(model)) {
    const auto sleep = store.sleep(record.sleep);
    json::object version{{"version", record.version},
                         {"parent", record.parent},
                         {"sleep", record.sleep},
                         {"time", iso_time(record.time)},
                         {"state", record.version == active ? "active" : word(record.state)},
                         {"accuracy", sleep ? accuracy_of(sleep->report) : json::object()}};
    if (const auto why = store.get(rolled_back_key(model, record.version))) version["rolled_back"] = *why;
    list.push_back(std::move(version));
  }
  return list;
}

}  // namespace dormouse::daemon
