#include "daemon/http/event_stream.h"

#include <catch2/catch.hpp>

#include "daemon/http/message.h"
#include "tests/daemon/raw_client.h"
#include "tests/daemon/running_server.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

/// A server with one event stream, which needs the server's io thread.
struct StreamingServer {
  std::shared_ptr<std::unique_ptr<EventStream>> slot = std::make_shared<std::unique_ptr<EventStream>>();
  RunningServer server;

  explicit StreamingServer(EventStream::Options options = {}, Server::Limits limits = {})
      : server(router(), limits) {
    server.on_io([&] { *slot = std::make_unique<EventStream>(server.io().get_executor(), options); });
  }
  Router router() {
    Router made;
    made.add(Method::get, "/events", [stream = slot](Request) -> asio::awaitable<Response> {
      co_return event_response((*stream)->subscribe());
    });
    return made;
  }
  void publish(const std::string& data, const std::string& type = "") {
    server.on_io([&] { (*slot)->publish(data, type); });
  }
  std::size_t subscribers() {
    return server.on_io([&] { return (*slot)->subscribers(); });
  }
};

constexpr std::string_view kSubscribe = "GET /events HTTP/1.1\r\n\r\n";

TEST_CASE("events reach every subscriber in order", "[events]") {
  StreamingServer streaming;
  RawClient one(streaming.server.path());
  RawClient two(streaming.server.path());
  for (RawClient* client : {&one, &two}) {
    client->say(kSubscribe);
    CHECK_THAT(client->hear("\r\n\r\n"), StartsWith("HTTP/1.1 200") &&
                                             Contains("Content-Type: text/event-stream") &&
                                             !Contains("Content-Length"));
  }
  streaming.publish("first");
  streaming.publish("two\nlines", "answer");
  for (RawClient* client : {&one, &two}) {
    CHECK(client->hear("lines\n\n") == "data: first\n\nevent: answer\ndata: two\ndata: lines\n\n");
  }
}

TEST_CASE("a quiet stream beats so that dead clients are noticed", "[events]") {
  StreamingServer streaming({}, {.heartbeat = 5ms});
  RawClient client(streaming.server.path());
  client.say(kSubscribe);
  client.hear("\r\n\r\n");
  CHECK_THAT(client.hear(":\n\n"), StartsWith(":\n\n"));
}

TEST_CASE("a subscriber that leaves makes room", "[events]") {
  StreamingServer streaming({.subscribers = 1});
  {
    RawClient client(streaming.server.path());
    client.say(kSubscribe);
    client.hear("\r\n\r\n");
    RawClient second(streaming.server.path());
    CHECK_THAT(second.ask(kSubscribe), StartsWith("HTTP/1.1 503"));
  }
  while (streaming.subscribers() > 0) std::this_thread::yield();
  RawClient next(streaming.server.path());
  next.say(kSubscribe);
  CHECK_THAT(next.hear("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a subscriber that does not keep up is dropped, the others are not", "[events]") {
  asio::io_context io;
  EventStream stream(io.get_executor(), {.queue = 2, .subscribers = 4});
  const auto slow = stream.subscribe();
  stream.publish("1");
  stream.publish("2");
  const auto fresh = stream.subscribe();
  stream.publish("3");
  CHECK(slow->closed());
  CHECK_FALSE(fresh->closed());
  CHECK(stream.subscribers() == 1);
}

TEST_CASE("stopping the server ends its event streams", "[events]") {
  StreamingServer streaming;
  RawClient client(streaming.server.path());
  client.say(kSubscribe);
  client.hear("\r\n\r\n");
  streaming.publish("last");
  streaming.server.stop(10s).get();
  CHECK_THAT(client.hear_all(), EndsWith("data: last\n\n"));
}

}  // namespace
}  // namespace dormouse::daemon
