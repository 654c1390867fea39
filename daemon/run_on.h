#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <type_traits>
#include <utility>

namespace dormouse::daemon {

/// Runs `work` on `pool`; the caller resumes on its own executor with what it returned or threw.
///
/// One hand-over each way: co_spawn on the pool would pass the end through the pool once more, which wakes a
/// second thread before the caller. Name `work` on the line before the co_await: g++ 12 destroys a capturing
/// lambda written inside it twice.
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> run_on(boost::asio::thread_pool& pool, Work work) {
  namespace asio = boost::asio;
  std::packaged_task<std::invoke_result_t<Work&>()> task(std::move(work));
  auto result = task.get_future();
  auto start = [&pool, &task](auto resume) {
    auto home = asio::make_work_guard(asio::get_associated_executor(resume));
    asio::post(pool, [&task, home = std::move(home), resume = std::move(resume)]() mutable {
      task();
      asio::post(home.get_executor(), std::move(resume));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
  co_return result.get();  // it is there: this waits for nothing
}

}  // namespace dormouse::daemon
