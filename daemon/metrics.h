#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dormouse::daemon {

class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// How long something took: log-linear buckets (eight to an octave) from a microsecond to over a minute, so
/// quantiles are at most an eighth too high.
///
/// Thread-safe and lock-free.
class Histogram {
 public:
  void observe(std::chrono::nanoseconds duration);
  std::uint64_t count() const;
  std::chrono::nanoseconds sum() const {
    return std::chrono::nanoseconds(sum_.load(std::memory_order_relaxed));
  }
  /// The duration that a fraction `q` of the observations stayed under; zero when there are none.
  std::chrono::nanoseconds quantile(double q) const;
  /// How many took at most 2^`octave` microseconds.
  std::uint64_t count_below(int octave) const;

  static constexpr int kOctaves = 27;

 private:
  static constexpr int kSteps = 8;
  std::array<std::atomic<std::uint64_t>, kOctaves * kSteps + 1> buckets_{};
  std::atomic<std::int64_t> sum_{0};
};

/// Label names and values of one series: {{"route", "low"}}. Never ids.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// The daemon's metrics and their Prometheus text.
///
/// Series are made at start, from one thread; what is returned stays valid and may be used from any thread.
class Metrics {
 public:
  /// Names carry the unit and, for counters, "_total"; "dormouse_" is put before them.
  Counter& counter(std::string name, std::string help, Labels labels = {});
  Gauge& gauge(std::string name, std::string help, Labels labels = {});
  Histogram& histogram(std::string name, std::string help, Labels labels = {});
  /// A gauge that is asked for when the text is made, on the thread that makes it.
  void measured(std::string name, std::string help, std::function<double()> read, Labels labels = {});

  /// Text exposition format 0.0.4.
  std::string prometheus() const;

 private:
  struct Series {
    std::string name;
    std::string help;
    Labels labels;
    std::variant<Counter, Gauge, Histogram, std::function<double()>> value;
    template <class... Arguments>
    Series(std::string n, std::string h, Labels l, Arguments&&... arguments)
        : name(std::move(n)),
          help(std::move(h)),
          labels(std::move(l)),
          value(std::forward<Arguments>(arguments)...) {}
  };
  static void append(std::string& text, const Series& series);

  std::deque<Series> series_;  // never moves an element
};

}  // namespace dormouse::daemon
