#include "daemon/service/stream.h"

#include "config/error.h"

namespace dormouse::daemon {

namespace asio = boost::asio;

asio::awaitable<std::uint64_t> Stream::save() {
  throw Failure(Errc::conflict, "stream '" + name_ + "' keeps no state: it answers windows of its last rows");
}

asio::awaitable<std::uint64_t> Stream::reset() {
  throw Failure(Errc::conflict,
                "stream '" + name_ + "' is not answered by a model with a state, so there is none to reset");
}

}  // namespace dormouse::daemon
