#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "config/text.h"
#include "daemon/oip/codec.h"
#include "daemon/routes/routes.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::string_view kProbabilities = "probabilities";

/// The model's own outputs, and the answer as one more where it has labels or asks a planner.
std::vector<TensorSpec> outputs_of(const Service& service, const Entry& entry) {
  auto specs = entry.parts->outputs;
  if (const Entry* const planner = service.planning().planner_of(entry); planner && planner != &entry)
    specs.push_back(planner->parts->outputs.front());
  if (entry.parts->learnable)
    specs.push_back(
        {std::string(kProbabilities), engine::DType::f32, engine::Shape{engine::kDynamic, engine::kDynamic}});
  return specs;
}

std::optional<std::int64_t> version_part(const Request& request) {
  const auto part = find_field(request.parts, "v");
  if (!part) return std::nullopt;
  const auto number = config::parse_number<std::int64_t>(*part);
  if (!number || *number < 0) throw Failure(Errc::invalid, "version '" + *part + "': a version is a number");
  return number;
}

/// What a classifier that only infers answered, by name: one a row, with commas between.
std::string names_of(const ClassLabels& labels, const engine::Tensor& answers) {
  std::string joined;
  const auto rows = answers.values<std::int64_t>();
  for (std::size_t row = 0; row < rows.size(); ++row)
    joined += (row == 0 ? "" : ",") + labels.name_of(rows[row]);
  return joined;
}

InferResponse response_of(const Entry& entry, const InferRequest& request, const Answered& answered) {
  InferResponse response;
  response.model_name = entry.parts->options.name;
  response.model_version = std::to_string(answered.version);
  response.id = request.id;
  response.parameters = describe_flat(answered);
  response.labels = answered.labels();
  if (const ClassLabels& labels = entry.parts->answers; !labels.empty()) {
    response.labels = labels.names;
    response.parameters.set("dormouse_label", names_of(labels, answered.result.outputs[0]));
  }
  for (std::size_t i = 0; i < entry.parts->outputs.size(); ++i)
    response.outputs.push_back({entry.parts->outputs[i].name, answered.result.outputs[i], {}});
  if (answered.result.outputs.size() > entry.parts->outputs.size())
    response.outputs.push_back({"answer", answered.result.outputs.back(), {}});
  if (!answered.result.rows.empty())
    response.outputs.push_back({std::string(kProbabilities), answered.result.probabilities(), {}});
  return response;
}

/// Where the input comes from, if the request says: episodes of one stream follow each other.
std::string stream_of(const Parameters& parameters) {
  constexpr std::size_t kLongest = 128;  // bytes
  const Parameter* given = parameters.find("dormouse_stream");
  if (!given) return "";
  const auto* name = std::get_if<std::string>(given);
  if (!name || name->size() > kLongest)
    throw Failure(Errc::invalid, "parameter 'dormouse_stream' must be a name of at most 128 bytes");
  return *name;
}

/// `dormouse_priority`, `dormouse_deadline_ms`, a planner's `dormouse_steps` and `dormouse_time_ms`, and
/// `timeout` in microseconds as Triton has it; 0 is none.
Urgency urgency_of(const Parameters& parameters, const Request& request) {
  Urgency urgency{.gone = request.gone};
  if (const Parameter* given = parameters.find("dormouse_priority")) {
    const auto* word = std::get_if<std::string>(given);
    if (!word || (*word != "interactive" && *word != "background"))
      throw Failure(Errc::invalid, "parameter 'dormouse_priority' must be interactive or background");
    if (*word == "background") urgency.priority = Priority::background;
  }
  constexpr std::int64_t kLongest = std::int64_t{1} << 40;  // µs, twelve days
  std::int64_t microseconds = std::min(parameters.count("timeout").value_or(0), kLongest);
  bool limited = microseconds > 0;
  if (const auto given = parameters.count("dormouse_deadline_ms")) {
    microseconds = std::min(*given, kLongest / 1000) * 1000;
    limited = true;
  }
  if (const auto steps = parameters.count("dormouse_steps", 1)) urgency.steps = *steps;
  if (const auto given = parameters.count("dormouse_time_ms"))
    urgency.time = std::chrono::milliseconds(std::min(*given, kLongest / 1000));
  if (limited) urgency.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  return urgency;
}

/// What is for others is let pass.
void check_names(const Parameters& parameters) {
  static const std::vector<std::string_view> kOurs{
      "dormouse_deadline_ms", "dormouse_priority", "dormouse_remember", "dormouse_slow",
      "dormouse_steps",       "dormouse_stream",   "dormouse_time_ms"};
  for (const auto& [name, value] : parameters.entries())
    if (name.starts_with("dormouse_") && std::ranges::find(kOurs, name) == kOurs.end())
      throw Failure(Errc::invalid,
                    "there is no parameter '" + name + "'" + config::did_you_mean(name, kOurs));
}

asio::awaitable<Response> infer(Service& service, Request request) {
  Entry& entry = service.model(request.part("m"));
  const InferRequest decoded = decode_infer(request, entry.parts->inputs);
  check_names(decoded.parameters);
  check_outputs(decoded, outputs_of(service, entry));
  auto inputs = inputs_of(*entry.parts, decoded, decoded.parameters.flag("clip"));
  const auto version = version_part(request);
  const std::string name = entry.parts->options.name;
  const bool remember = decoded.parameters.flag("dormouse_remember", true);
  const bool current = !version || *version == entry.served.model->version;
  Origin origin{.stream = stream_of(decoded.parameters)};
  Urgency urgency = urgency_of(decoded.parameters, request);
  Answered answered;
  if (version && (!current || decoded.parameters.flag("dormouse_slow")))
    answered = co_await service.infer_version(name, *version, std::move(inputs), std::move(urgency));
  else
    answered =
        co_await service.infer(name, std::move(inputs), remember, std::move(origin), std::move(urgency));
  co_return encode_infer(decoded, response_of(entry, decoded, answered));
}

json::object model_metadata(const Service& service, const Entry& entry) {
  json::object object{{"name", entry.parts->options.name},
                      {"versions", {std::to_string(entry.served.model->version)}},
                      {"platform", "dormouse"},
                      {"inputs", metadata(entry.parts->inputs)},
                      {"outputs", metadata(outputs_of(service, entry))}};
  json::object parameters;
  const auto& labels = entry.parts->learnable ? entry.served.model->labels : entry.parts->answers.names;
  if (!labels.empty()) parameters["labels"] = json::serialize(json::value_from(labels));
  if (const Entry* const planner = service.planning().planner_of(entry))
    parameters["puzzle"] = planner->parts->thinker->planner.puzzle();
  if (entry.parts->window) {
    parameters["window"] = entry.parts->window->rows;
    parameters["channels"] = entry.parts->window->channels;
  }
  if (entry.parts->options.stream && entry.parts->options.stream->rate > 0)
    parameters["rate"] = entry.parts->options.stream->rate;
  object["parameters"] = std::move(parameters);
  return object;
}

json::object duration(std::uint64_t count, std::chrono::nanoseconds time) {
  return {{"count", count}, {"ns", time.count()}};
}

json::object statistics(const Entry& entry) {
  const json::object none = duration(0, {});
  return {{"name", entry.parts->options.name},
          {"version", std::to_string(entry.served.model->version)},
          {"last_inference",
           std::chrono::duration_cast<std::chrono::milliseconds>(entry.last.time_since_epoch()).count()},
          {"inference_count", entry.inferences},
          {"execution_count", entry.inferences},
          {"inference_stats",
           json::object{{"success", duration(entry.inferences, entry.compute)},
                        {"fail", duration(entry.failures, {})},
                        {"queue", duration(entry.inferences, entry.queued)},
                        {"compute_input", none},
                        {"compute_infer", duration(entry.inferences, entry.compute - entry.queued)},
                        {"compute_output", none},
                        {"cache_hit", none},
                        {"cache_miss", none}}},
          {"response_stats", json::object()},
          {"batch_stats", json::array()},
          {"memory_usage", json::array()}};
}

Response reply(const json::value& value) { return json_response(json::serialize(value)); }

/// A handler without anything to wait for.
template <class Function>
Handler immediate(Function function) {
  return [function](Request request) -> asio::awaitable<Response> { co_return function(request); };
}

}  // namespace

void add_inference_routes(Router& router, Service& service, const Nights& nights, LatencyByState latency) {
  router.add(Method::get, "/v2", immediate([](const Request&) {
               return reply({{"name", "dormouse"},
                             {"version", DORMOUSE_VERSION},
                             {"extensions",
                              {"binary_tensor_data", "classification", "model_repository",
                               "model_configuration", "parameters", "statistics"}}});
             }));
  router.add(Method::get, "/v2/health/live", immediate([](const Request&) {
               return reply({{"live", true}});
             }));
  router.add(Method::get, "/v2/health/ready", immediate([](const Request&) {
               return reply({{"ready", true}});
             }));
  router.add(Method::post, "/v2/repository/index", immediate([&service](const Request&) {
               json::array index;
               for (const auto& [name, entry] : service.models())
                 index.push_back({{"name", name},
                                  {"version", std::to_string(entry.served.model->version)},
                                  {"state", "READY"},
                                  {"reason", ""}});
               return reply(index);
             }));
  router.add(Method::get, "/v2/models/stats", immediate([&service](const Request&) {
               json::array all;
               for (const auto& [name, entry] : service.models()) all.push_back(statistics(entry));
               return reply({{"model_stats", all}});
             }));
  const Handler infer_handler = [&service, &nights, latency](Request request) -> asio::awaitable<Response> {
    const auto start = std::chrono::steady_clock::now();
    Response response = co_await infer(service, std::move(request));
    (nights.asleep() ? latency.asleep : latency.awake).observe(std::chrono::steady_clock::now() - start);
    co_return response;
  };
  for (const std::string model : {"/v2/models/{m}", "/v2/models/{m}/versions/{v}"}) {
    router.add(Method::get, model, immediate([&service](const Request& request) {
                 return reply(model_metadata(service, service.model(request.part("m"))));
               }));
    router.add(
        Method::get, model + "/ready", immediate([&service](const Request& request) {
          return reply({{"name", service.model(request.part("m")).parts->options.name}, {"ready", true}});
        }));
    router.add(Method::get, model + "/config", immediate([&service](const Request& request) {
                 const Entry& entry = service.model(request.part("m"));
                 return reply({{"name", entry.parts->options.name},
                               {"platform", "dormouse"},
                               {"max_batch_size", 0},
                               {"input", metadata(entry.parts->inputs)},
                               {"output", metadata(outputs_of(service, entry))}});
               }));
    router.add(Method::get, model + "/stats", immediate([&service](const Request& request) {
                 return reply({{"model_stats", json::array{statistics(service.model(request.part("m")))}}});
               }));
    router.add(Method::post, model + "/infer", infer_handler);
  }
}

}  // namespace dormouse::daemon
