#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::daemon {

/// One listener of an EventStream; put it into Response::events. Used on the io thread only.
class Subscriber {
 public:
  Subscriber(boost::asio::any_io_executor executor, std::size_t capacity)
      : wake_(executor), capacity_(capacity) {}

  /// The next encoded events; an empty comment when none came within `heartbeat`; nothing once closed.
  boost::asio::awaitable<std::optional<std::string>> next(std::chrono::milliseconds heartbeat);
  /// Ends the stream after what is queued.
  void close();
  bool closed() const { return closed_; }

 private:
  friend class EventStream;
  /// False when the queue is full: the listener is too slow.
  bool offer(std::shared_ptr<const std::string> event);

  boost::asio::steady_timer wake_;
  std::size_t capacity_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  bool closed_ = false;
};

/// Server-sent events from one source to many listeners, encoded once.
///
/// A listener whose queue is full is closed rather than waited for: it sees its stream end and may come back.
/// Used on the io thread only; other threads post to it.
class EventStream {
 public:
  struct Options {
    std::size_t queue = 256;       ///< events kept for a slow listener
    std::size_t subscribers = 16;  ///< listeners at once
  };
  EventStream(boost::asio::any_io_executor executor, Options options)
      : executor_(std::move(executor)), options_(options) {}
  explicit EventStream(boost::asio::any_io_executor executor) : EventStream(std::move(executor), Options{}) {}

  /// Throws Failure(unavailable) when there are `Options::subscribers` already.
  std::shared_ptr<Subscriber> subscribe();
  /// `data` may have several lines; `type` names the event, none by default.
  void publish(std::string_view data, std::string_view type = "");
  /// Ends every stream: part of shutting down.
  void close();
  std::size_t subscribers();

 private:
  boost::asio::any_io_executor executor_;
  Options options_;
  std::vector<std::weak_ptr<Subscriber>> subscribers_;
};

/// "event: type\ndata: …\n\n"
std::string encode_event(std::string_view data, std::string_view type);

/// The 200 response that streams `subscriber`'s events.
struct Response event_response(std::shared_ptr<Subscriber> subscriber);

}  // namespace dormouse::daemon
