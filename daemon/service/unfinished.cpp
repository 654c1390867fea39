#include "daemon/service/unfinished.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace dormouse::daemon {

namespace json = boost::json;

namespace {

constexpr std::size_t kMostFinishing = 64;  // provisional answers that wait for the planner

}  // namespace

std::optional<std::string> why_unfinished(std::size_t others, bool stopping) {
  if (stopping) return "the daemon stops";
  if (others >= kMostFinishing) return "too many others waited to be finished";
  return std::nullopt;
}

void announce_unfinished(EventStream& events, const std::string& model, const Unfinished& left) {
  if (left.episodes.empty()) return;
  const json::object object{{"model", model},
                            {"episodes", json::array(left.episodes.begin(), left.episodes.end())},
                            {"error", left.why}};
  events.publish(json::serialize(object), "answer");
}

}  // namespace dormouse::daemon
