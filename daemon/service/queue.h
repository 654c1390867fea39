#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace dormouse::daemon {

enum class Priority : std::uint8_t { interactive, background };

/// How long a request may take, and who goes first.
struct Urgency {
  Priority priority = Priority::interactive;
  std::optional<std::chrono::steady_clock::time_point> deadline =
      {};                     ///< an answer after it is worth nothing
  std::stop_token gone = {};  ///< requested on the io thread once nobody waits for the answer
  /// Of a planner's step, from the request on: what it has by then is the answer, a provisional one; nothing:
  /// as configured.
  std::optional<std::chrono::microseconds> time = {};
  std::int64_t steps = 0;  ///< that it takes at most; 0: as configured
};

/// Throws Failure(expired) when the deadline has passed or nobody waits.
void throw_if_late(const Urgency& urgency);

/// Where requests wait for their turn to compute: so many at once, so many of one model, interactive ones
/// first, each priority in the order of arrival.
///
/// Lives on the io thread.
class InferenceQueue {
 public:
  /// `slots` compute at once; `length` more may wait.
  InferenceQueue(boost::asio::io_context& io, std::size_t slots, std::size_t length)
      : io_(io), slots_(slots), length_(length) {}

  /// The right to compute, until it is destroyed.
  class Turn {
   public:
    Turn(InferenceQueue& queue, std::string model) : queue_(&queue), model_(std::move(model)) {}
    Turn(Turn&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), model_(std::move(other.model_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (queue_) queue_->leave(model_);
    }

   private:
    InferenceQueue* queue_;
    std::string model_;
  };

  /// Waits for a turn among at most `most` of `model`, to compute `rows`. Throws Failure(unavailable) when
  /// too many wait already, Failure(expired) when the deadline passes first, or nobody waits any more.
  boost::asio::awaitable<Turn> turn(std::string model, std::size_t most, Urgency urgency,
                                    std::size_t rows = 1);

  std::size_t waiting() const { return waiting_[0].size() + waiting_[1].size(); }
  /// Rows of the requests that wait, of those of `priority`.
  std::size_t rows_waiting(Priority priority) const;
  std::size_t computing() const { return computing_; }
  /// Requests turned away because too many waited.
  std::uint64_t refused() const { return refused_; }

 private:
  enum class State : std::uint8_t { waiting, granted, gone };
  struct Waiter {
    const std::string& model;
    std::size_t most;
    std::size_t rows;
    State state;
    boost::asio::steady_timer timer;
  };
  using Waiters = std::list<Waiter*>;

  void grant();
  void leave(const std::string& model);

  boost::asio::io_context& io_;
  std::size_t slots_;
  std::size_t length_;
  std::size_t computing_ = 0;
  std::uint64_t refused_ = 0;
  std::map<std::string, std::size_t> computing_of_;
  std::array<Waiters, 2> waiting_;  ///< by priority
};

}  // namespace dormouse::daemon
