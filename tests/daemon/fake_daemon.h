#pragma once

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/http/event_stream.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/verb.h"
#include "tests/daemon/running_server.h"

namespace dormouse::daemon {

/// What a command printed and ended with.
struct Outcome {
  int code;
  std::string out;
  std::string err;
};

inline Outcome run(std::vector<std::string> words) {
  std::ostringstream out;
  std::ostringstream err;
  std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const old_err = std::cerr.rdbuf(err.rdbuf());
  const int code = run_command_line(words);
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_err);
  return {code, out.str(), err.str()};
}

inline const std::string kAnswer = R"({"label":"two","confidence":0.75,"route":"low","episode":8})";

/// A daemon that answers by rote and notes what it was asked.
class FakeDaemon {
 public:
  FakeDaemon() : server_(router()) {}

  Outcome run(std::vector<std::string> words) {
    words.insert(words.end(), {"--socket", server_.path()});
    return daemon::run(std::move(words));
  }
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string admin_socket() const { return server_.admin_path(); }

  std::string status =
      R"({"name":"dormouse","version":"9.9","uptime_seconds":3720,"resident_bytes":2500000,)"
      R"("models":{"digits":{"version":3,"inferences":12}},"sleep":{"state":"awake"},)"
      R"("memory":{"episodes":7,"labelled":2,"file_bytes":4096,"ram_bytes":2000,"clip_bytes":0,)"
      R"("bytes_written_today":8192,"write_budget_bytes":100000000},)"
      R"("latency":{"awake":{"count":4,"p50_us":250,"p95_us":900},"asleep":{"count":0}},)"
      R"("streams":{}})";
  std::vector<std::string> seen;
  engine::Shape shape;
  std::string clip;
  std::string set;  ///< of an answer that abstains
  std::string route;
  bool provisional = false;
  int polls_until_done = 2;

 private:
  Router router() {
    Router made;
    const auto add = [&](Method method, const std::string& pattern, auto answer, Role role = Role::user) {
      made.add(
          method, pattern,
          [answer](Request request) -> boost::asio::awaitable<Response> {
            co_return answer(std::move(request));
          },
          role);
    };
    add(Method::get, "/v1/status", [this](Request) { return json_response(status); });
    add(Method::get, "/v2/models/{m}", [](Request request) {
      if (request.part("m") != "digits")
        throw Failure(Errc::not_found, "no model '" + request.part("m") + "'");
      return json_response(R"({"name":"digits","inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}]})");
    });
    add(Method::post, "/v2/models/{m}/infer", [this](Request request) { return infer(std::move(request)); });
    add(Method::post, "/v1/models/{m}/feedback",
        [this](Request request) { return feedback(std::move(request)); });
    add(Method::post, "/v1/recall", [this](Request request) {
      const TensorBody body = decode_body(request);
      seen.push_back(boost::json::serialize(body.json));
      return json_response(R"({"episodes":[{"id":4,"label":"three","distance":0.125}],"concepts":[]})");
    });
    add(Method::get, "/v1/why/{id}", [](Request request) {
      if (request.part("id") == "1") throw Failure(Errc::gone, "episode 1 was let go");
      if (request.part("id") == "2")
        return json_response(
            R"({"halt":"verified","right":0.75,"answer":[0,1],"set":"","drawing":"#S#\n#*#\n",)"
            R"("final":{"steps":4,"right":0.5,"answer":[0,1]}})");
      return json_response(R"({"route":"hybrid","heads":{"slow":0.5}})");
    });
    add(Method::get, "/v1/models/{m}/versions",
        [](Request) { return json_response(R"([{"version":1,"parent":null},{"version":2,"parent":1}])"); });
    add(
        Method::post, "/v1/models/{m}/rollback",
        [this](Request request) {
          seen.push_back(std::string(request.body()));
          return json_response(R"({"version":1})");
        },
        Role::admin);
    add(
        Method::post, "/v1/sleep",
        [this](Request request) {
          seen.push_back(std::string(request.body()));
          return json_response(R"({"sleep":5})", 202);
        },
        Role::admin);
    add(Method::get, "/v1/sleeps", [](Request) { return json_response(R"([{"sleep":5,"state":"done"}])"); });
    add(Method::get, "/v1/sleeps/{id}", [this](Request request) {
      CHECK(request.part("id") == "5");
      return json_response(polls_until_done-- > 0 ? R"({"state":"running","stage":"rehearse"})"
                                                  : R"({"state":"done","accepted":true})");
    });
    made.add(Method::get, "/v1/streams/{s}/answers", [this](Request) { return answers(); });
    add(Method::post, "/v1/streams/{s}", [this](Request request) {
      seen.push_back(std::to_string(request.body_size) + (request.parameter("end") ? " end" : ""));
      CHECK(request.parameter("wait") != nullptr);
      return json_response(request.body_size == 0
                               ? std::string(R"({"accepted":0,"dropped":0,"answers":[]})")
                               : R"({"accepted":3,"dropped":0,"answers":[)" + kAnswer + "]}");
    });
    return made;
  }

  boost::asio::awaitable<Response> answers() {
    EventStream stream(co_await boost::asio::this_coro::executor);
    auto subscriber = stream.subscribe();
    stream.publish(kAnswer);
    stream.close();
    co_return event_response(subscriber);
  }

  Response infer(Request request) {
    const InferRequest decoded = decode_infer(request, {});
    const engine::Tensor& tensor = decoded.inputs.at(0).tensor;
    CHECK(tensor.buffer() == request.buffer);  // the client aligned it
    shape = tensor.shape();
    clip = decoded.parameters.flag("clip") ? "clip" : "input";
    InferResponse response{.model_name = request.part("m"),
                           .parameters = {{"dormouse_label", std::string("seven")},
                                          {"dormouse_confidence", 0.93751},
                                          {"dormouse_episode_id", std::int64_t{77}}},
                           .outputs = {{"y", tensor, {}}}};
    if (!set.empty()) response.parameters.set("dormouse_set", set);
    if (!route.empty()) response.parameters.set("dormouse_route", route);
    if (provisional) response.parameters.set("dormouse_provisional", true);
    return encode_infer(decoded, response);
  }

  Response feedback(Request request) {
    const TensorBody body = decode_body(request);
    seen.push_back(boost::json::serialize(body.json) + (body.inputs.empty() ? "" : " +tensor"));
    return json_response(R"({"episode":12,"label":"three","new_class":true})");
  }

  TemporaryFolder folder_;
  RunningServer server_;
};

}  // namespace dormouse::daemon
