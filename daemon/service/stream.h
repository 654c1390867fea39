#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "daemon/http/event_stream.h"
#include "daemon/service/pushed.h"
#include "engine/tensor.h"

namespace dormouse::daemon {

/// One stream, as clients see it: rows are pushed, what comes of them is published. Lives on the io thread.
class Stream {
 public:
  Stream(std::string name, boost::asio::any_io_executor executor, EventStream::Options events = {})
      : name_(std::move(name)), events_(std::move(executor), events) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const std::string& name() const { return name_; }
  virtual std::int64_t channels() const = 0;
  /// A value that is not finite is one that is missing, and no mistake.
  virtual bool takes_missing() const { return false; }
  /// Rows f32 [time, channels()]; see Streams::push.
  virtual boost::asio::awaitable<Pushed> push(engine::Tensor rows, bool wait, bool end) = 0;
  virtual boost::json::object status() const = 0;

  /// Whether there is a state that is kept on disk.
  virtual bool keeps_state() const { return false; }
  /// Back once the state after all rows so far is on disk; says how many these are. Throws Failure(conflict)
  /// where none is kept, Failure(io).
  virtual boost::asio::awaitable<std::uint64_t> save();
  /// The next row is the first: as if none had been before it, on disk, too, when it is back. Says after how
  /// many rows the state on disk is by then. Throws Failure(conflict) where a command does not do that.
  virtual boost::asio::awaitable<std::uint64_t> reset();
  /// Saves what is new when it is due: call about once a second.
  virtual boost::asio::awaitable<void> save_when_due() { co_return; }

  std::shared_ptr<Subscriber> subscribe() { return events_.subscribe(); }
  /// Ends every subscription.
  void close() { events_.close(); }

 protected:
  EventStream& events() { return events_; }

 private:
  std::string name_;
  EventStream events_;
};

}  // namespace dormouse::daemon
