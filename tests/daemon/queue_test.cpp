#include "daemon/service/queue.h"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>
#include <vector>

#include "config/error.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// Requests at a queue, whose turns the test ends.
class AtQueue {
 public:
  AtQueue(std::size_t slots, std::size_t length) : queue(io, slots, length) {}
  ~AtQueue() { turns.clear(); }

  /// A request called `name`; what becomes of it is in `granted` and `failed`.
  void arrive(std::string name, std::string model = "m", std::size_t most = SIZE_MAX, Urgency urgency = {},
              std::size_t rows = 1) {
    auto wait = [](AtQueue& at, std::string n, std::string m, std::size_t limit, Urgency how,
                   std::size_t many) -> asio::awaitable<void> {
      auto waiting = at.queue.turn(m, limit, std::move(how), many);
      auto turn = co_await std::move(waiting);
      at.granted.push_back(n);
      at.turns.emplace(n, std::move(turn));
    };
    asio::co_spawn(io, wait(*this, name, std::move(model), most, std::move(urgency), rows),
                   [this, name](std::exception_ptr error) {
                     try {
                       if (error) std::rethrow_exception(error);
                     } catch (const Failure& failure) {
                       failed.emplace(name, failure.error().code);
                     }
                   });
    settle();
  }
  void end(const std::string& name) {
    REQUIRE(turns.erase(name) == 1);
    settle();
  }
  void settle() {
    io.restart();
    io.poll();
  }

  asio::io_context io;
  InferenceQueue queue;
  std::map<std::string, InferenceQueue::Turn> turns;
  std::vector<std::string> granted;
  std::map<std::string, Errc> failed;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("requests have their turn in the order of arrival, interactive ones first", "[queue]") {
  AtQueue at(1, 10);
  at.arrive("first");
  at.arrive("night", "m", SIZE_MAX, {Priority::background});
  at.arrive("second");
  at.arrive("third");
  CHECK(at.queue.waiting() == 3);
  for (const char* name : {"first", "second", "third", "night"}) at.end(name);
  CHECK(at.granted == Names{"first", "second", "third", "night"});
  CHECK(at.queue.computing() == 0);
}

TEST_CASE("who waits is counted by requests and by rows", "[queue]") {
  AtQueue at(1, 10);
  at.arrive("computes", "m", SIZE_MAX, {}, 100);
  at.arrive("batch", "m", SIZE_MAX, {}, 20);
  at.arrive("one");
  at.arrive("night", "m", SIZE_MAX, {Priority::background}, 7);
  CHECK(at.queue.waiting() == 3);
  CHECK(at.queue.rows_waiting(Priority::interactive) == 21);
  CHECK(at.queue.rows_waiting(Priority::background) == 7);
  at.end("computes");
  CHECK(at.queue.rows_waiting(Priority::interactive) == 1);
}

TEST_CASE("a model at its limit does not hold up another", "[queue]") {
  AtQueue at(3, 10);
  at.arrive("a1", "a", 1);
  at.arrive("a2", "a", 1);
  at.arrive("b1", "b", 2);
  CHECK(at.granted == Names{"a1", "b1"});
  at.end("a1");
  CHECK(at.granted.back() == "a2");
}

TEST_CASE("more than may wait are turned away", "[queue]") {
  AtQueue at(1, 1);
  at.arrive("computes");
  at.arrive("waits");
  at.arrive("too many");
  CHECK(at.failed == std::map<std::string, Errc>{{"too many", Errc::unavailable}});
  CHECK(at.queue.refused() == 1);
  at.end("computes");
  CHECK(at.granted.back() == "waits");
}

TEST_CASE("what is late already, or grows late waiting, is not computed", "[queue]") {
  AtQueue at(1, 10);
  const auto now = std::chrono::steady_clock::now();
  at.arrive("computes");
  at.arrive("late", "m", SIZE_MAX, {.deadline = now - 1ms});
  at.arrive("grows late", "m", SIZE_MAX, {.deadline = std::chrono::steady_clock::now() + 1us});
  while (!at.failed.contains("grows late")) at.settle();
  at.arrive("has time", "m", SIZE_MAX, {.deadline = now + 1h});
  CHECK(at.failed == std::map<std::string, Errc>{{"late", Errc::expired}, {"grows late", Errc::expired}});
  at.end("computes");
  CHECK(at.granted == Names{"computes", "has time"});
}

TEST_CASE("a request that nobody waits for leaves the queue", "[queue]") {
  AtQueue at(1, 10);
  std::stop_source client;
  at.arrive("computes");
  at.arrive("abandoned", "m", SIZE_MAX, {.gone = client.get_token()});
  client.request_stop();
  at.settle();
  CHECK(at.failed == std::map<std::string, Errc>{{"abandoned", Errc::expired}});
  CHECK(at.queue.waiting() == 0);
  at.end("computes");
  CHECK(at.granted == Names{"computes"});
}

}  // namespace dormouse::daemon
