#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace dormouse::daemon {

/// Of coroutines on one io thread one at a time has the turn, and the others wait.
class Turns {
 public:
  explicit Turns(boost::asio::io_context& io);

  /// Until nobody has the turn: whoever waited takes it then, before anything else is awaited.
  boost::asio::awaitable<void> wait();

  /// Has the turn as long as it lives.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) { turns_.taken_ = true; }
    ~Turn() {
      turns_.taken_ = false;
      turns_.free_.cancel();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

 private:
  boost::asio::steady_timer free_;  ///< cancelled when a turn ends
  bool taken_ = false;
};

}  // namespace dormouse::daemon
