#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <future>

namespace dormouse::learning {

/// Makes what is asked for next while the caller works on what it has: `make(i)` for i from `first` up to
/// `end`, on other threads, at most `depth` ahead. One that throws does so in next(). Not thread-safe;
/// `make` is called from several threads at once.
template <class T>
class Prefetch {
 public:
  Prefetch(std::function<T(std::size_t)> make, std::size_t first, std::size_t end, std::size_t depth)
      : make_(std::move(make)), begun_(first), end_(end) {
    while (queue_.size() < depth && begun_ < end_) begin();
  }

  bool done() const { return queue_.empty(); }
  T next() {
    std::future<T> front = std::move(queue_.front());
    queue_.pop_front();
    if (begun_ < end_) begin();
    return front.get();
  }

 private:
  void begin() { queue_.push_back(std::async(std::launch::async, make_, begun_++)); }

  std::function<T(std::size_t)> make_;
  std::size_t begun_, end_;
  std::deque<std::future<T>> queue_;
};

}  // namespace dormouse::learning
