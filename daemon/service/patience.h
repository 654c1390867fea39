#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <stop_token>

#include "daemon/service/queue.h"

namespace dormouse::daemon {

/// Stops a computation on another thread when its deadline passes or nobody waits for it any more.
///
/// Lives on the io thread, as long as the computation.
class Patience {
 public:
  Patience(boost::asio::io_context& io, const Urgency& urgency)
      : timer_(io), hang_up_(urgency.gone, [source = source_]() mutable { source.request_stop(); }) {
    if (!urgency.deadline) return;
    timer_.expires_at(*urgency.deadline);
    timer_.async_wait([source = source_](const boost::system::error_code& cancelled) mutable {
      if (!cancelled) source.request_stop();
    });
  }

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  boost::asio::steady_timer timer_;  ///< cancelled by its destructor
  std::stop_callback<std::function<void()>> hang_up_;
};

}  // namespace dormouse::daemon
