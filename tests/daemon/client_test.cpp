#include "daemon/client/http_client.h"

#include <catch2/catch.hpp>

#include "daemon/http/event_stream.h"
#include "tests/daemon/running_server.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using Catch::Matchers::Contains;

asio::awaitable<Response> echo(Request request) {
  Response response = json_response(std::string(request.body()));
  response.headers.emplace_back("X-Type", *request.header("content-type"));
  co_return response;
}

asio::awaitable<Response> refuse(Request) {
  throw Failure(Errc::gone, "it was let go");
  co_return Response{};
}

asio::awaitable<Response> three_events(Request) {
  EventStream stream(co_await asio::this_coro::executor);
  auto subscriber = stream.subscribe();
  stream.publish("one");
  stream.publish("two\nlines", "answer");
  stream.publish("three");
  stream.close();
  co_return event_response(subscriber);
}

Router router() {
  Router made;
  made.add(Method::post, "/echo", echo);
  made.add(Method::get, "/gone", refuse);
  made.add(Method::get, "/events", three_events);
  return made;
}

TEST_CASE("the client keeps its connection and carries any bytes", "[client]") {
  RunningServer server(router());
  HttpClient client(server.path());
  std::string body(300'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i % 251);
  for (const std::string& sent : {std::string("{}"), body, std::string()}) {
    const Reply reply = client.send({.method = "POST",
                                     .target = "/echo",
                                     .body = sent,
                                     .content_type = "application/octet-stream",
                                     .headers = {}});
    CHECK(reply.status == 200);
    CHECK(reply.body == sent);
    CHECK(*reply.header("x-type") == "application/octet-stream");
  }
  CHECK(server.on_io([&] { return server.server().connections(); }) == 1);
}

TEST_CASE("the client hands over refusals with their text", "[client]") {
  RunningServer server(router(), {.body = 1000});
  HttpClient client(server.path());
  const Reply gone = client.send({.method = "GET", .target = "/gone"});
  CHECK(gone.status == 410);
  CHECK_THAT(gone.body, Contains("it was let go"));
  const std::string large(5u << 20, 'x');
  CHECK(client.send({.method = "POST", .target = "/echo", .body = large}).status == 413);
  CHECK(client.send({.method = "POST", .target = "/echo", .body = "after"}).body == "after");
}

TEST_CASE("the client reads events until the stream ends or it has enough", "[client]") {
  RunningServer server(router());
  HttpClient client(server.path());
  const Call call{.method = "GET", .target = "/events"};
  std::vector<std::string> seen;
  int opened = 0;
  const auto all = [&](const HttpClient::Event& event) {
    seen.push_back(event.type + ":" + event.data);
    return true;
  };
  CHECK_FALSE(client.events(call, {.take = all, .opened = [&] { ++opened; }}));
  CHECK(seen == std::vector<std::string>{":one", "answer:two\nlines", ":three"});
  CHECK(opened == 1);
  seen.clear();
  CHECK_FALSE(
      client.events(call, {.take = [&](const HttpClient::Event& event) { return all(event), false; }}));
  CHECK(seen == std::vector<std::string>{":one"});
  const auto refused = client.events({.method = "GET", .target = "/gone"}, {.take = all});
  REQUIRE(refused);
  CHECK(refused->status == 410);
  CHECK_THAT(refused->body, Contains("it was let go"));
}

TEST_CASE("a daemon that is not there is Unreachable, with advice", "[client]") {
  const TemporaryFolder folder;
  HttpClient client(folder.file("none.sock"));
  const Call call{.method = "GET", .target = "/"};
  CHECK_THROWS_AS(client.send(call), Unreachable);
  CHECK_THROWS_WITH(client.send(call), Contains("is it running? (dormouse serve --config"));
  CHECK_THROWS_AS(HttpClient(std::string(200, 'x')).send(call), Unreachable);
}

TEST_CASE("silence and nonsense are failures, not hangs", "[client]") {
  const TemporaryFolder folder;
  const Listening listening = listen_unix(folder.file("mute"));
  HttpClient client(folder.file("mute"), std::chrono::milliseconds(20));
  const Call call{.method = "GET", .target = "/"};
  try {
    client.send(call);
    FAIL("answered");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::unavailable);
  }
  std::thread peer([&] {
    for (const std::string_view answer :
         {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", ""}) {
      ::close(
          ::accept(listening.descriptor, nullptr, nullptr));  // the silent call above, then those that broke
      const int descriptor = ::accept(listening.descriptor, nullptr, nullptr);
      [[maybe_unused]] const auto sent = ::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(descriptor, SHUT_WR);
      char rest[256];
      while (::recv(descriptor, rest, sizeof(rest), 0) > 0) {
      }
      ::close(descriptor);
    }
  });
  for (int i = 0; i < 3; ++i) {
    if (i > 0) CHECK_THROWS_AS(HttpClient(folder.file("mute")).send(call), Failure);
    CHECK_THROWS_AS(HttpClient(folder.file("mute")).send(call), Failure);
  }
  peer.join();
  ::close(listening.descriptor);
}

}  // namespace
}  // namespace dormouse::daemon
