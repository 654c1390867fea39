#include "daemon/service/turns.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace dormouse::daemon {

namespace asio = boost::asio;

Turns::Turns(asio::io_context& io) : free_(io) { free_.expires_at(asio::steady_timer::time_point::max()); }

asio::awaitable<void> Turns::wait() {
  while (taken_) {
    boost::system::error_code ignored;
    co_await free_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace dormouse::daemon
