#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "daemon/http/server.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {

/// A server on a socket in a temporary folder, with its own io thread.
class RunningServer {
 public:
  explicit RunningServer(Router router, Server::Limits limits = {}, Server::Observer observer = {})
      : router_(std::move(router)), server_(io_, router_, limits, std::move(observer)) {
    server_.listen(listen_unix(path()), Role::user);
    server_.listen(listen_unix(admin_path()), Role::admin);
    Listening loopback = listen_loopback(0);
    port_ = port_of(loopback);
    server_.listen(loopback, Role::user, "secret");
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningServer() {
    stop(std::chrono::milliseconds(0)).get();
    io_.stop();
    thread_.join();
  }

  std::string path() const { return folder_.file("user.sock"); }
  std::string admin_path() const { return folder_.file("admin.sock"); }
  std::uint16_t port() const { return port_; }
  boost::asio::io_context& io() { return io_; }
  Server& server() { return server_; }

  /// Runs `work` on the io thread and waits for it.
  template <class Work>
  std::invoke_result_t<Work> on_io(Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto result = task.get_future();
    boost::asio::post(io_, [&task] { task(); });
    return result.get();
  }
  std::future<void> stop(std::chrono::milliseconds patience) {
    return boost::asio::co_spawn(io_, server_.stop(patience), boost::asio::use_future);
  }

 private:
  TemporaryFolder folder_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  Router router_;
  Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace dormouse::daemon
