#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace dormouse::daemon {

/// Runs `work` on `pool`; the caller resumes on its own executor with what it returned or threw.
///
/// Name `work` on the line before the co_await: g++ 12 destroys a capturing lambda written inside it twice.
template <class Work>
auto run_on(boost::asio::thread_pool& pool, Work work) {
  auto task = [](Work body) -> boost::asio::awaitable<std::invoke_result_t<Work&>> { co_return body(); };
  return boost::asio::co_spawn(pool, task(std::move(work)), boost::asio::use_awaitable);
}

}  // namespace dormouse::daemon
