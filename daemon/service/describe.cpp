#include "daemon/service/describe.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace dormouse::daemon {

namespace json = boost::json;

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

std::string iso_time(Clock::Wall time) {
  using namespace std::chrono;
  const auto milliseconds = duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(milliseconds % 1000));
  return text;
}

std::string set_text(const RowAnswer& answer) {
  std::string text;
  for (const std::uint32_t label : answer.set) text += (text.empty() ? "" : "|") + answer.labels->at(label);
  return text;
}

std::string_view halt_word(const Plan& plan) {
  return plan.pressure.put_off == PutOff::load ? word(PutOff::load) : word(plan.halt);
}

json::object describe(const Pressure& pressure) {
  json::object object{{"waiting", pressure.waiting}, {"put_off", word(pressure.put_off)}};
  if (pressure.budget_left)
    object["budget_left_us"] = std::chrono::duration<double, std::micro>(*pressure.budget_left).count();
  return object;
}

json::object describe(const PutOffs& put_off) {
  json::object object;
  for (const PutOff why : {PutOff::budget, PutOff::load})
    object[word(why)] = put_off[static_cast<std::size_t>(why)];
  return object;
}

json::object describe(const Answered& answered, std::size_t row) {
  const RowAnswer& answer = answered.result.rows.at(row);
  json::object object{{"label", (*answer.labels)[answer.decision.predicted]},
                      {"confidence", rounded(answer.decision.confidence)},
                      {"route", word(answer.decision.route)},
                      {"complexity", word(answer.complexity)},
                      {"novelty", rounded(answer.novelty)},
                      {"version", answered.version}};
  if (!answer.set.empty()) object["set"] = set_text(answer);
  if (row < answered.ids.size()) object["episode"] = answered.ids[row];
  if (answer.plan)
    for (auto& [key, value] : describe(*answer.plan)) object[key] = value;
  if (answer.provisional) object["provisional"] = true;
  return object;
}

namespace {

void set_plan(const Plan& plan, Parameters& parameters) {
  parameters.set("dormouse_steps", plan.steps);
  parameters.set("dormouse_halt", std::string(halt_word(plan)));
  if (plan.verified) parameters.set("dormouse_verified", *plan.verified);
}

/// Of an answer of cells; those of several rows with commas between.
Parameters describe_plans(const Answered& answered) {
  const std::vector<Plan>& plans = answered.result.plans;
  const auto joined = [&](auto word_of) {
    std::string text;
    for (std::size_t row = 0; row < plans.size(); ++row) text += (row ? "," : "") + std::string(word_of(row));
    return text;
  };
  Parameters parameters;
  parameters.set("dormouse_route", joined([&](std::size_t row) { return word(plans[row].route); }));
  if (plans.size() == 1) {
    set_plan(plans[0], parameters);
    parameters.set("dormouse_right", rounded(double{plans[0].right}));
    parameters.set("dormouse_milliseconds", std::chrono::duration<double, std::milli>(plans[0].time).count());
    if (!answered.ids.empty())
      parameters.set("dormouse_episode_id", static_cast<std::int64_t>(answered.ids[0]));
  } else {
    const auto number = [&](std::size_t row) { return std::to_string(plans[row].steps); };
    parameters.set("dormouse_steps", joined(number));
    parameters.set("dormouse_halt", joined([&](std::size_t row) { return halt_word(plans[row]); }));
    if (plans[0].verified)
      parameters.set("dormouse_verified",
                     joined([&](std::size_t row) { return *plans[row].verified ? "true" : "false"; }));
    if (!answered.ids.empty())
      parameters.set("dormouse_episode_id",
                     joined([&](std::size_t row) { return std::to_string(answered.ids[row]); }));
  }
  if (std::ranges::any_of(plans, &Plan::provisional)) parameters.set("dormouse_provisional", true);
  return parameters;
}

/// As it reads in a list: numbers without an exponent.
std::string as_word(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (!value.is_double()) return json::serialize(value);
  std::array<char, 400> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value.get_double(),
                                       std::chars_format::fixed)
                             .ptr};
}

}  // namespace

Parameters describe_flat(const Answered& answered) {
  if (!answered.result.plans.empty()) return describe_plans(answered);
  Parameters parameters;
  const auto rows = answered.result.rows.size();
  if (rows == 0) return parameters;
  if (rows == 1) {
    const RowAnswer& answer = answered.result.rows[0];
    parameters.set("dormouse_label", (*answer.labels)[answer.decision.predicted]);
    parameters.set("dormouse_confidence", rounded(answer.decision.confidence));
    parameters.set("dormouse_route", std::string(word(answer.decision.route)));
    parameters.set("dormouse_complexity", std::string(word(answer.complexity)));
    parameters.set("dormouse_novelty", rounded(answer.novelty));
    if (!answer.set.empty()) parameters.set("dormouse_set", set_text(answer));
    if (answer.plan) set_plan(*answer.plan, parameters);
    if (answer.provisional) parameters.set("dormouse_provisional", true);
    if (!answered.ids.empty())
      parameters.set("dormouse_episode_id", static_cast<std::int64_t>(answered.ids[0]));
    return parameters;
  }
  for (const char* key : {"label", "confidence", "route", "complexity", "novelty", "set", "episode"}) {
    std::string joined;
    for (std::size_t row = 0; row < rows; ++row) {
      const json::object object = describe(answered, row);
      const json::value* value = object.if_contains(key);
      if (row > 0) joined += ',';
      if (!value) continue;
      joined += as_word(*value);
    }
    const std::string name = key == std::string_view("episode") ? "episode_id" : key;
    if (joined.find_first_not_of(',') != std::string::npos) parameters.set("dormouse_" + name, joined);
  }
  if (std::ranges::any_of(answered.result.rows, &RowAnswer::provisional))
    parameters.set("dormouse_provisional", true);
  return parameters;
}

json::object describe(const memory::Clip& clip) {
  return {{"shape", json::value_from(clip.shape)}, {"data", json::value_from(clip.values)}};
}

json::object describe(const memory::Episode& episode) {
  json::object object{{"id", episode.id},
                      {"model", episode.model},
                      {"time", iso_time(episode.time)},
                      {"prediction", episode.prediction},
                      {"confidence", rounded(episode.confidence)},
                      {"novelty", rounded(episode.novelty)},
                      {"route", word(static_cast<hrm::Route>(episode.route))},
                      {"version", episode.version},
                      {"held_out", episode.held_out()}};
  if (!episode.stream.empty()) object["stream"] = episode.stream;
  object["label"] = episode.label ? json::value(*episode.label) : json::value(nullptr);
  return object;
}

}  // namespace dormouse::daemon
