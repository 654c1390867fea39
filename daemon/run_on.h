#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace dormouse::daemon {

/// Runs `call(task)` on `pool`; the caller resumes on its own executor. What is the same for all that
/// run_on() runs: both are borrowed, and `call` does not throw.
boost::asio::awaitable<void> run_task(boost::asio::thread_pool& pool, void (*call)(void* task) noexcept,
                                      void* task);

/// Runs `work` on `pool`; the caller resumes on its own executor with what it returned or threw.
///
/// One hand-over each way: co_spawn on the pool would pass the end through the pool once more, which wakes a
/// second thread before the caller. Name `work` on the line before the co_await: g++ 12 destroys a capturing
/// lambda written inside it twice.
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> run_on(boost::asio::thread_pool& pool, Work work) {
  using Result = std::invoke_result_t<Work&>;
  constexpr bool kNothing = std::is_void_v<Result>;
  struct Task {
    Work work;
    std::exception_ptr error{};
    std::optional<std::conditional_t<kNothing, bool, Result>> result{};

    static void call(void* self) noexcept {
      Task& task = *static_cast<Task*>(self);
      try {
        if constexpr (kNothing)
          task.work();
        else
          task.result.emplace(task.work());
      } catch (...) {
        task.error = std::current_exception();
      }
    }
  };
  Task task{std::move(work)};
  co_await run_task(pool, &Task::call, &task);
  if (task.error) std::rethrow_exception(std::move(task.error));
  if constexpr (!kNothing) co_return std::move(*task.result);
}

}  // namespace dormouse::daemon
