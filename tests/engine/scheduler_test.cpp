#include "engine/scheduler.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

using dormouse::engine::Scheduler;

TEST_CASE("background work does not wait when nobody asks", "[scheduler]") {
  Scheduler scheduler;
  scheduler.give_way({});
  CHECK(scheduler.yields() == 0);
}

TEST_CASE("background work waits until the request is answered", "[scheduler]") {
  Scheduler scheduler;
  std::atomic<bool> answered{false}, overtook{false};
  auto request = std::make_unique<Scheduler::Foreground>(scheduler.foreground());
  std::thread sleeper([&] {
    scheduler.give_way({});
    overtook = !answered;
  });
  while (scheduler.yields() == 0) std::this_thread::yield();
  answered = true;
  request.reset();
  sleeper.join();
  CHECK_FALSE(overtook);
}

TEST_CASE("a stop request ends the wait", "[scheduler]") {
  Scheduler scheduler;
  const auto request = scheduler.foreground();
  std::stop_source stop;
  stop.request_stop();
  scheduler.give_way(stop.get_token());
  CHECK(scheduler.foreground_count() == 1);
}
