#include "daemon/http/server.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "daemon/http/event_stream.h"
#include "tests/daemon/raw_client.h"
#include "tests/daemon/running_server.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

asio::awaitable<Response> echo(Request request) { co_return json_response(std::string(request.body())); }

asio::awaitable<Response> name(Request request) {
  const std::string* q = request.parameter("q");
  co_return json_response(request.part("m") + "|" + (q ? *q : ""));
}

asio::awaitable<Response> fail(Request) {
  throw Failure(Errc::gone, "episode 7 was let go");
  co_return Response{};
}

asio::awaitable<Response> bug(Request) {
  throw std::runtime_error("secret detail");
  co_return Response{};
}

asio::awaitable<Response> who(Request request) { co_return json_response(std::to_string(request.peer.pid)); }

Router plain_router() {
  Router router;
  router.add(Method::post, "/echo", echo);
  router.add(Method::get, "/name/{m}", name);
  router.add(Method::get, "/fail", fail);
  router.add(Method::get, "/bug", bug);
  router.add(Method::get, "/who", who);
  router.add(Method::post, "/load", echo, Role::admin);
  return router;
}

std::string post(std::string_view path, std::string_view body, std::string_view more = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}

std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n"; }

TEST_CASE("a connection is kept for the next request", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  CHECK_THAT(client.ask(post("/echo", "one")), StartsWith("HTTP/1.1 200 OK\r\n") && EndsWith("\r\n\r\none"));
  CHECK_THAT(client.ask(post("/echo", "")), EndsWith("\r\n\r\n"));
  CHECK_THAT(client.ask(get("/name/a%20b%2Fc?q=1+%2B")), EndsWith("a b/c|1 +"));
}

TEST_CASE("pipelined requests are answered in order", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  client.say(post("/echo", "first") + post("/echo", "second") + get("/name/third"));
  CHECK_THAT(client.response(), EndsWith("first"));
  CHECK_THAT(client.response(), EndsWith("second"));
  CHECK_THAT(client.response(), EndsWith("third|"));
}

TEST_CASE("HEAD has the header of GET and no body", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  client.say("HEAD /name/abc HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK_THAT(client.hear_all(), Contains("Content-Length: 4\r\n") && EndsWith("\r\n\r\n"));
  RawClient refused(server.path());
  refused.say("HEAD /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK_THAT(refused.hear_all(), StartsWith("HTTP/1.1 404") && EndsWith("\r\n\r\n"));
}

TEST_CASE("what the daemon does not answer is refused with the right status", "[http]") {
  RunningServer server(plain_router());
  struct Case {
    std::string request;
    std::string status;
    std::string contains;
  };
  const std::vector<Case> cases{
      {get("/nowhere"), "404", R"("code":"not_found")"},
      {get("/name/"), "404", ""},
      {get("/name"), "404", ""},
      {get("/echo"), "405", "Allow: POST\r\n"},
      {"BREW /echo HTTP/1.1\r\n\r\n", "405", "Allow: POST"},
      {get("/name/%zz"), "400", "percent"},
      {get("/name/%00"), "400", "percent"},
      {get("/name/x?q=%2"), "400", "percent"},
      {post("/load", "{}"), "403", R"("code":"denied")"},
      {get("/fail"), "410", R"({"error":"episode 7 was let go","code":"gone"})"},
      {get("/bug"), "500", R"("code":"internal")"},
      {"what is this\r\n\r\n", "400", "not HTTP"},
      {"GET /name/x HTTP/3.7\r\n\r\n", "400", "not HTTP"},
      {"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400", "not HTTP"},
      {"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400", "not HTTP"},
      {"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400", "not HTTP"},
      {"GET /who HTTP/1.1\r\nA: " + std::string(9000, 'x') + "\r\n\r\n", "431", "too_large"},
      {"POST /echo HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "413", "too_large"},
      {"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400", "not HTTP"},
  };
  for (const Case& item : cases) {
    INFO(item.request.substr(0, 80));
    RawClient client(server.path());
    const std::string answer = client.ask(item.request);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 " + item.status + " ") && Contains(item.contains));
    CHECK_THAT(answer, !Contains("secret detail"));
  }
  RawClient after(server.path());
  CHECK_THAT(after.ask(post("/echo", "alive")), EndsWith("alive"));
}

TEST_CASE("a refused request leaves the connection usable when its body was read", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  CHECK_THAT(client.ask(get("/nowhere")), StartsWith("HTTP/1.1 404"));
  CHECK_THAT(client.ask(get("/fail")), StartsWith("HTTP/1.1 410"));
  CHECK_THAT(client.ask(post("/echo", "still here")), EndsWith("still here"));
}

TEST_CASE("a body over the limit is refused before it is read", "[http]") {
  RunningServer server(plain_router(), {.body = 1000});
  RawClient client(server.path());
  CHECK_THAT(client.ask(post("/echo", std::string(1001, 'x'))), StartsWith("HTTP/1.1 413"));
  RawClient exact(server.path());
  CHECK_THAT(exact.ask(post("/echo", std::string(1000, 'x'))), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a client that sends its whole oversize body still sees the refusal", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  CHECK_THAT(client.ask(post("/echo", std::string(17u << 20, 'x'))), StartsWith("HTTP/1.1 413"));
}

TEST_CASE("a large body arrives whole", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  std::string body(3u << 20, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  CHECK(client.ask(post("/echo", body)).ends_with("\r\n\r\n" + body));
}

TEST_CASE("100-continue is sent only to those who may go on", "[http]") {
  RunningServer server(plain_router());
  RawClient client(server.path());
  client.say("POST /echo HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.hear("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK_THAT(client.ask("hello"), EndsWith("hello"));

  RawClient denied(server.path());
  denied.say("POST /load HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  denied.finish_saying();
  CHECK_THAT(denied.hear_all(), StartsWith("HTTP/1.1 403"));
}

TEST_CASE("chunked bodies are put together", "[http]") {
  RunningServer server(plain_router(), {.body = 10'000, .chunks = 3});
  const std::string header = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient client(server.path());
  CHECK_THAT(client.ask(header + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), EndsWith("\r\n\r\nhello world"));
  CHECK_THAT(client.ask(header + "2000\r\n" + std::string(0x2000, 'y') + "\r\n0\r\n\r\n"),
             EndsWith("\r\n\r\n" + std::string(0x2000, 'y')));

  RawClient flood(server.path());
  CHECK_THAT(flood.ask(header + "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n0\r\n\r\n"),
             StartsWith("HTTP/1.1 413"));
  RawClient large(server.path());
  CHECK_THAT(large.ask(header + "2711\r\n" + std::string(0x2711, 'z') + "\r\n0\r\n\r\n"),
             StartsWith("HTTP/1.1 413"));
}

TEST_CASE("slow clients are cut off", "[http]") {
  RunningServer server(plain_router(), {.header_time = 40ms, .body_time = 40ms, .idle_time = 40ms});
  RawClient silent(server.path());
  CHECK(silent.hear_all().empty());
  RawClient header(server.path());
  header.say("GET /who HT");
  CHECK_THAT(header.hear_all(), StartsWith("HTTP/1.1 408") && Contains("Connection: close"));
  RawClient body(server.path());
  body.say("POST /echo HTTP/1.1\r\nContent-Length: 50\r\n\r\nabc");
  CHECK_THAT(body.hear_all(), StartsWith("HTTP/1.1 408"));
}

TEST_CASE("connections beyond the limit are turned away", "[http]") {
  RunningServer server(plain_router(), {.connections = 2});
  RawClient first(server.path());
  RawClient second(server.path());
  CHECK_THAT(first.ask(post("/echo", "1")), EndsWith("1"));
  CHECK_THAT(second.ask(post("/echo", "2")), EndsWith("2"));
  RawClient third(server.path());
  CHECK_THAT(third.hear_all(), StartsWith("HTTP/1.1 503") && Contains("Retry-After: 1"));
  CHECK_THAT(first.ask(post("/echo", "1")), EndsWith("1"));
}

TEST_CASE("bodies held at once are bounded together", "[http]") {
  RunningServer server(plain_router(), {.bodies = 1000});
  RawClient slow(server.path());
  slow.say("POST /echo HTTP/1.1\r\nContent-Length: 900\r\nExpect: 100-continue\r\n\r\n");
  CHECK_THAT(slow.hear("\r\n\r\n"), Contains("100 Continue"));
  RawClient other(server.path());
  CHECK_THAT(other.ask(post("/echo", std::string(200, 'x'))), StartsWith("HTTP/1.1 503"));
  slow.say(std::string(900, 'x'));
  CHECK_THAT(slow.response(), StartsWith("HTTP/1.1 200"));
  RawClient again(server.path());
  CHECK_THAT(again.ask(post("/echo", std::string(200, 'x'))), StartsWith("HTTP/1.1 200"));
}

/// Handlers that wait until the test opens the gate.
struct Gate {
  explicit Gate(asio::io_context& io) : timer(io, asio::steady_timer::time_point::max()) {}
  asio::awaitable<Response> wait() {
    ++waiting;
    boost::system::error_code woken;
    auto token = asio::redirect_error(asio::use_awaitable, woken);
    co_await timer.async_wait(token);
    co_return json_response("through");
  }
  asio::steady_timer timer;
  int waiting = 0;
};

/// The gate needs the server's io_context, which needs the router: late binding.
struct GatedServer {
  std::shared_ptr<std::unique_ptr<Gate>> gate = std::make_shared<std::unique_ptr<Gate>>();
  RunningServer server;

  explicit GatedServer(Server::Limits limits = {}) : server(router(), limits) {
    server.on_io([this] { *gate = std::make_unique<Gate>(server.io()); });
  }
  ~GatedServer() {
    server.on_io([this] { gate->reset(); });  // the timer must not outlive its io_context
  }
  Router router() {
    Router made = plain_router();
    made.add(Method::get, "/wait", [slot = gate](Request) { return (*slot)->wait(); });
    return made;
  }
  void until_waiting(int count) {
    while (server.on_io([this] { return (*gate)->waiting; }) < count) std::this_thread::yield();
  }
  void open() {
    server.on_io([this] { (*gate)->timer.cancel(); });
  }
};

TEST_CASE("more requests than fit are told to come back", "[http]") {
  GatedServer gated({.in_flight = 1});
  RawClient first(gated.server.path());
  first.say(get("/wait"));
  gated.until_waiting(1);
  RawClient second(gated.server.path());
  CHECK_THAT(second.ask(post("/echo", "x")), StartsWith("HTTP/1.1 503") && Contains("Retry-After: 1"));
  gated.open();
  CHECK_THAT(first.response(), EndsWith("through"));
  CHECK_THAT(second.ask(post("/echo", "x")), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("stopping lets requests in flight finish", "[http]") {
  GatedServer gated;
  RawClient idle(gated.server.path());
  CHECK_THAT(idle.ask(get("/who")), StartsWith("HTTP/1.1 200"));
  RawClient busy(gated.server.path());
  busy.say(get("/wait"));
  gated.until_waiting(1);
  auto stopped = gated.server.stop(10s);
  CHECK(idle.hear_all().empty());
  CHECK_THROWS(RawClient(gated.server.path()));
  gated.open();
  CHECK_THAT(busy.hear_all(), Contains("Connection: close") && EndsWith("through"));
  stopped.get();
  CHECK(gated.server.on_io([&] { return gated.server.server().connections(); }) == 0);
}

TEST_CASE("stopping cuts off what outlasts its patience", "[http]") {
  GatedServer gated;
  RawClient busy(gated.server.path());
  busy.say(get("/wait"));
  gated.until_waiting(1);
  gated.server.stop(1ms).get();
  CHECK(busy.hear_all().empty());
}

TEST_CASE("the kernel says who is asking and the socket what they may", "[http]") {
  RunningServer server(plain_router());
  RawClient user(server.path());
  CHECK_THAT(user.ask(get("/who")), EndsWith("\r\n\r\n" + std::to_string(::getpid())));
  RawClient admin(server.admin_path());
  CHECK_THAT(admin.ask(post("/load", "{}")), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("loopback TCP asks for its token and for a local name", "[http]") {
  RunningServer server(plain_router());
  const auto ask = [&](const std::string& headers) {
    RawClient client(server.port());
    return client.ask("GET /who HTTP/1.1\r\n" + headers + "\r\n");
  };
  CHECK_THAT(ask("Host: localhost:80\r\nAuthorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(ask("Host: [::1]\r\nAuthorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(ask("Host: localhost\r\n"), StartsWith("HTTP/1.1 401"));
  CHECK_THAT(ask("Host: localhost\r\nAuthorization: Bearer secres\r\n"), StartsWith("HTTP/1.1 401"));
  CHECK_THAT(ask("Host: evil.example\r\nAuthorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 403"));
  CHECK_THAT(ask("Authorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 403"));
}

TEST_CASE("every exchange is observed once, with its route", "[http]") {
  std::vector<std::string> seen;
  const auto observe = [&](const Exchange& exchange) {
    seen.push_back((exchange.route ? exchange.route->pattern : "none") + " " +
                   std::to_string(exchange.status) + " " + std::string(exchange.bug));
  };
  {
    RunningServer server(plain_router(), {}, observe);
    RawClient client(server.path());
    client.ask(get("/name/x"));
    client.ask(get("/nowhere"));
    client.ask(get("/bug"));
  }
  CHECK(seen == std::vector<std::string>{"/name/{m} 200 ", "none 404 ", "/bug 500 secret detail"});
}

TEST_CASE("a server that ends while nobody runs its connections leaves nothing behind", "[http]") {
  const TemporaryFolder folder;
  asio::io_context io{1};
  const Router router;
  auto server = std::make_unique<Server>(io, router, Server::Limits{}, Server::Observer{});
  server->listen(listen_unix(folder.file("user.sock")), Role::user);
  asio::local::stream_protocol::socket client(io);
  client.connect(folder.file("user.sock"));
  while (server->connections() == 0) io.run_one();
  server.reset();  // a leak is the sanitizer's to find
}

TEST_CASE("a stale socket file is replaced, a live one and other files are not", "[http]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("d.sock");
  const Listening first = listen_unix(path);
  CHECK_THROWS_WITH(listen_unix(path), Contains("another daemon listens"));
  ::close(first.descriptor);
  const Listening second = listen_unix(path);
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::all) ==
        static_cast<std::filesystem::perms>(0660));
  ::close(second.descriptor);
  std::ofstream(folder.file("plain")) << "mine";
  CHECK_THROWS_WITH(listen_unix(folder.file("plain")), Contains("no socket"));
  CHECK_THROWS_AS(listen_unix(folder.file(std::string(200, 'x'))), Failure);
  CHECK_THROWS_AS(listen_unix(folder.file("missing/x.sock")), Failure);
}

}  // namespace
}  // namespace dormouse::daemon
