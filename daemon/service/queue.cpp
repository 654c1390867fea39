#include "daemon/service/queue.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "config/error.h"

namespace dormouse::daemon {

namespace asio = boost::asio;

void throw_if_late(const Urgency& urgency) {
  if (urgency.gone.stop_requested()) throw Failure(Errc::expired, "nobody waits for the answer any more");
  if (urgency.deadline && std::chrono::steady_clock::now() >= *urgency.deadline)
    throw Failure(Errc::expired, "its deadline passed before it was computed");
}

asio::awaitable<InferenceQueue::Turn> InferenceQueue::turn(std::string model, std::size_t most,
                                                           Urgency urgency, std::size_t rows) {
  throw_if_late(urgency);
  Waiter waiter{model, most, rows, State::waiting, asio::steady_timer(io_)};
  Waiters& line = waiting_[static_cast<std::size_t>(urgency.priority)];
  const auto place = line.insert(line.end(), &waiter);
  grant();
  if (waiter.state == State::granted) co_return Turn(*this, std::move(model));
  if (waiting() > length_) {
    line.erase(place);
    ++refused_;
    throw Failure(Errc::unavailable, std::to_string(length_) + " requests wait already: try again");
  }
  const std::stop_callback hang_up(urgency.gone, [&waiter] {
    if (waiter.state == State::waiting) waiter.state = State::gone;
    waiter.timer.cancel();
  });
  waiter.timer.expires_at(urgency.deadline.value_or(std::chrono::steady_clock::time_point::max()));
  boost::system::error_code cancelled;
  co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (waiter.state == State::granted) co_return Turn(*this, std::move(model));
  line.erase(place);
  throw_if_late(urgency);
  throw Failure(Errc::unavailable, "the daemon stops");
}

std::size_t InferenceQueue::rows_waiting(Priority priority) const {
  std::size_t rows = 0;
  for (const Waiter* waiter : waiting_[static_cast<std::size_t>(priority)])
    if (waiter->state == State::waiting) rows += waiter->rows;
  return rows;
}

void InferenceQueue::grant() {
  for (Waiters& line : waiting_)
    for (auto at = line.begin(); at != line.end() && computing_ < slots_;) {
      Waiter& waiter = **at;
      std::size_t& of_model = computing_of_[waiter.model];
      if (waiter.state != State::waiting || of_model >= waiter.most) {
        ++at;
        continue;
      }
      ++of_model;
      ++computing_;
      waiter.state = State::granted;
      waiter.timer.cancel();
      at = line.erase(at);
    }
}

void InferenceQueue::leave(const std::string& model) {
  --computing_;
  --computing_of_[model];
  grant();
}

}  // namespace dormouse::daemon
