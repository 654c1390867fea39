#include "daemon/run_on.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace dormouse::daemon {

namespace asio = boost::asio;

asio::awaitable<void> run_task(asio::thread_pool& pool, void (*call)(void* task) noexcept, void* task) {
  auto start = [&pool, call, task](auto resume) {
    auto home = asio::make_work_guard(asio::get_associated_executor(resume));
    asio::post(pool, [call, task, home = std::move(home), resume = std::move(resume)]() mutable {
      call(task);
      asio::post(home.get_executor(), std::move(resume));
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
}

}  // namespace dormouse::daemon
