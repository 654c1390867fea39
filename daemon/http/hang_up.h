#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <stop_token>

namespace dormouse::daemon {

/// Notices that the client at the other end of a socket is gone while its request is answered: the kernel
/// says so of Unix sockets when they are closed, of TCP when the connection breaks. A client that only has no
/// more to send still waits.
///
/// Lives on the io thread; nothing else may be pending on the socket meanwhile.
class HangUp {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  explicit HangUp(Socket& socket) : socket_(socket) {
    socket_.async_wait(Socket::wait_error,
                       [source = gone_](const boost::system::error_code& cancelled) mutable {
                         if (!cancelled) source.request_stop();
                       });
  }
  ~HangUp() {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  HangUp(const HangUp&) = delete;
  HangUp& operator=(const HangUp&) = delete;

  /// Requested on the io thread.
  std::stop_token token() const { return gone_.get_token(); }

 private:
  Socket& socket_;
  std::stop_source gone_;
};

}  // namespace dormouse::daemon
