#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "daemon/oip/codec.h"
#include "daemon/routes/routes.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

engine::Tensor rows_tensor(std::vector<float> values, std::int64_t channels) {
  const auto rows = static_cast<std::int64_t>(values.size()) / channels;
  return engine::Tensor::from<float>({rows, channels}, values);
}

/// Raw f32 rows, little-endian.
engine::Tensor binary_rows(const Request& request, std::int64_t channels) {
  const std::size_t row = static_cast<std::size_t>(channels) * sizeof(float);
  if (request.body_size % row != 0)
    throw Failure(Errc::invalid, "a body of " + std::to_string(request.body_size) +
                                     " bytes is no whole number of rows of " + std::to_string(channels) +
                                     " f32 channels");
  std::vector<float> values(request.body_size / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), request.body().data(), request.body_size);
  return rows_tensor(std::move(values), channels);
}

/// null is a value that is missing.
void append_number(std::vector<float>& values, const json::value& value, std::size_t line) {
  if (value.is_null()) {
    values.push_back(std::numeric_limits<float>::quiet_NaN());
    return;
  }
  if (!value.is_number())
    throw Failure(Errc::invalid, "line " + std::to_string(line) + ": expected a number or a list of numbers");
  values.push_back(value.to_number<float>());
}

/// One JSON value a line: a number for one channel, else a list.
engine::Tensor json_rows(const Request& request, std::int64_t channels) {
  std::vector<float> values;
  std::size_t number = 0;
  std::string_view left = request.body();
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const std::string_view line = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const json::value row = parse_json(line);
    const std::size_t before = values.size();
    if (const json::array* array = row.if_array())
      for (const json::value& value : *array) append_number(values, value, number);
    else
      append_number(values, row, number);
    if (values.size() - before != static_cast<std::size_t>(channels))
      throw Failure(Errc::invalid, "line " + std::to_string(number) + ": expected " +
                                       std::to_string(channels) + " values, given " +
                                       std::to_string(values.size() - before));
  }
  return rows_tensor(std::move(values), channels);
}

void check_finite(const engine::Tensor& rows) {
  const auto values = rows.values<float>();
  const auto found = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return;
  const auto at = found - values.begin();
  throw Failure(Errc::invalid, "samples: row " + std::to_string(at / rows.shape()[1]) + ", channel " +
                                   std::to_string(at % rows.shape()[1]) +
                                   ": NaN, infinity and null are no measurements");
}

bool query_flag(const Request& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value && (value->empty() || *value == "1" || *value == "true");
}

asio::awaitable<Response> push(Streams& streams, Request request) {
  const std::string name = request.part("s");
  Stream& stream = streams.find(name);
  const std::string* type = request.header("Content-Type");
  const bool binary = type && type->starts_with("application/octet-stream");
  engine::Tensor rows =
      binary ? binary_rows(request, stream.channels()) : json_rows(request, stream.channels());
  if (!stream.takes_missing()) check_finite(rows);
  const bool wait = query_flag(request, "wait"), end = query_flag(request, "end"),
             save = query_flag(request, "save");
  if (save && !stream.keeps_state()) co_await stream.save();  // refuses, before a row is taken
  Pushed pushed = co_await streams.push(name, std::move(rows), wait, end);
  json::object reply{{"accepted", pushed.accepted}, {"dropped", pushed.dropped}};
  if (wait) {
    json::array answers;
    for (json::object& answer : pushed.answers) answers.push_back(std::move(answer));
    reply["answers"] = std::move(answers);
  }
  if (save) reply["saved"] = co_await stream.save();
  co_return json_response(json::serialize(reply));
}

asio::awaitable<Response> command(Streams& streams, Request request,
                                  asio::awaitable<std::uint64_t> (Stream::*what)()) {
  Stream& stream = streams.find(request.part("s"));
  const std::uint64_t saved = co_await (stream.*what)();
  co_return json_response(json::serialize(json::object{{"stream", stream.name()}, {"saved", saved}}));
}

}  // namespace

void add_stream_routes(Router& router, Streams& streams) {
  router.add(Method::post, "/v1/streams/{s}",
             [&streams](Request request) { return push(streams, std::move(request)); });
  router.add(Method::get, "/v1/streams/{s}", [&streams](Request request) -> asio::awaitable<Response> {
    co_return json_response(json::serialize(streams.find(request.part("s")).status()));
  });
  router.add(Method::post, "/v1/streams/{s}/save",
             [&streams](Request request) { return command(streams, std::move(request), &Stream::save); });
  router.add(Method::post, "/v1/streams/{s}/reset",
             [&streams](Request request) { return command(streams, std::move(request), &Stream::reset); });
  router.add(Method::get, "/v1/streams/{s}/answers",
             [&streams](Request request) -> asio::awaitable<Response> {
               co_return event_response(streams.find(request.part("s")).subscribe());
             });
}

}  // namespace dormouse::daemon
