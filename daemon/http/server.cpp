#include "daemon/http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <set>

#include "daemon/http/connection.h"

namespace dormouse::daemon {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;

namespace {

/// A failed connection is its own end; anything that still escapes is a bug and stops the daemon.
void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

Peer peer_of(int descriptor, Role role, bool tcp) {
  Peer peer;
  peer.role = role;
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (!tcp && ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.pid = credentials.pid;
    peer.uid = credentials.uid;
    peer.gid = credentials.gid;
  }
  return peer;
}

void send_at_once(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/// A client beyond the limit costs one write that does not wait.
void turn_away(int descriptor) {
  constexpr std::string_view kFull =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  [[maybe_unused]] const auto sent =
      ::send(descriptor, kFull.data(), kFull.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

struct Server::State : ServerContext, std::enable_shared_from_this<State> {
  State(asio::io_context& context, const Router& routes, Limits bounds, Observer watch)
      : ServerContext{routes, bounds, std::move(watch)}, io(context), sweeper(context), drained(context) {}

  struct Door {
    asio::basic_socket_acceptor<Protocol> acceptor;
    std::string path;
    Role role;
    bool tcp;
    std::string token;
  };

  asio::awaitable<void> accept(Door& door);
  asio::awaitable<void> sweep();
  void welcome(Protocol::socket socket, const Door& door);
  void close_doors();
  void cut_off();

  asio::io_context& io;
  std::list<Door> doors;
  std::set<std::shared_ptr<Connection>> open;
  asio::steady_timer sweeper;
  asio::steady_timer drained;
  bool sweeping = false;
};

asio::awaitable<void> Server::State::accept(Door& door) {
  const auto self = shared_from_this();
  asio::steady_timer pause(io);
  while (door.acceptor.is_open()) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    Protocol::socket socket = co_await door.acceptor.async_accept(token);
    if (!door.acceptor.is_open()) break;
    if (!error) {
      welcome(std::move(socket), door);
    } else {  // out of descriptors: wait for some to be closed
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(token);
    }
  }
}

void Server::State::welcome(Protocol::socket socket, const Door& door) {
  const int descriptor = socket.native_handle();
  if (open.size() >= limits.connections) return turn_away(descriptor);
  if (door.tcp) send_at_once(descriptor);
  auto connection = std::make_shared<Connection>(std::move(socket), peer_of(descriptor, door.role, door.tcp),
                                                 door.tcp, door.token, shared_from_this());
  open.insert(connection);
  auto finished = [self = shared_from_this(), connection](const std::exception_ptr& error) {
    self->open.erase(connection);
    if (self->open.empty()) self->drained.cancel();
    rethrow(error);
  };
  asio::co_spawn(io, connection->serve(), finished);
}

asio::awaitable<void> Server::State::sweep() {
  const auto self = shared_from_this();
  const auto shortest = std::min({limits.header_time, limits.body_time, limits.write_time, limits.idle_time});
  const auto period = std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(500));
  while (sweeping) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    sweeper.expires_after(period);
    co_await sweeper.async_wait(token);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& connection : open) connection->sweep(now);
  }
}

void Server::State::close_doors() {
  error_code ignored;
  for (Door& door : doors) {
    if (!door.acceptor.is_open()) continue;
    if (!door.path.empty()) ::unlink(door.path.c_str());
    door.acceptor.close(ignored);
  }
}

void Server::State::cut_off() {
  stopping = true;
  sweeping = false;
  close_doors();
  sweeper.cancel();
  for (const auto& connection : open) connection->cut_off();
}

Server::Server(asio::io_context& io, const Router& router, Limits limits, Observer observer)
    : state_(std::make_shared<State>(io, router, limits, std::move(observer))) {}

Server::~Server() {
  state_->cut_off();
  state_->open.clear();  // each holds the state: where nobody runs their ends, they would hold each other
}

void Server::listen(Listening listening, Role role, std::string token) {
  ensure(!listening.tcp || !token.empty(), "TCP needs a token");
  const Protocol protocol(listening.tcp ? AF_INET : AF_UNIX, listening.tcp ? IPPROTO_TCP : 0);
  asio::basic_socket_acceptor<Protocol> acceptor(state_->io, protocol, listening.descriptor);
  auto& door = state_->doors.emplace_back(std::move(acceptor), std::move(listening.path), role, listening.tcp,
                                          std::move(token));
  asio::co_spawn(state_->io, state_->accept(door), rethrow);
  if (std::exchange(state_->sweeping, true)) return;
  asio::co_spawn(state_->io, state_->sweep(), rethrow);
}

asio::awaitable<void> Server::stop(std::chrono::milliseconds patience) {
  const auto state = state_;
  state->stopping = true;
  state->close_doors();
  for (const auto& connection : state->open) connection->finish();
  state->drained.expires_after(patience);
  if (!state->open.empty()) {
    error_code woken;
    auto token = asio::redirect_error(asio::use_awaitable, woken);
    co_await state->drained.async_wait(token);
  }
  state->cut_off();
}

std::size_t Server::connections() const { return state_->open.size(); }

std::size_t Server::in_flight() const { return state_->in_flight; }

}  // namespace dormouse::daemon
