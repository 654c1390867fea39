#include "daemon/metrics.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <set>

namespace dormouse::daemon {
namespace {

template <class Number>
std::string text_of(Number value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::string text_of_gauge(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return text_of(value);
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

/// {route="low",le="0.001"}, or nothing.
std::string braces(const Labels& labels, std::string_view bound = "") {
  std::string text;
  for (const auto& [name, value] : labels)
    text += (text.empty() ? "" : ",") + name + "=\"" + escaped(value) + '"';
  if (!bound.empty()) text += (text.empty() ? "le=\"" : ",le=\"") + std::string(bound) + '"';
  return text.empty() ? text : "{" + text + "}";
}

void append_histogram(std::string& text, const std::string& name, const Labels& labels,
                      const Histogram& histogram) {
  constexpr int kFirst = 4;  // 16 µs, then every second octave up to 67 s
  const std::uint64_t count = histogram.count();
  for (int octave = kFirst; octave < Histogram::kOctaves; octave += 2) {
    const double bound = std::ldexp(1e-6, octave);
    text += name + "_bucket" + braces(labels, text_of(bound)) + " " +
            std::to_string(std::min(count, histogram.count_below(octave))) + "\n";
  }
  text += name + "_bucket" + braces(labels, "+Inf") + " " + std::to_string(count) + "\n";
  const double seconds = std::chrono::duration<double>(histogram.sum()).count();
  text += name + "_sum" + braces(labels) + " " + text_of(seconds) + "\n";
  text += name + "_count" + braces(labels) + " " + std::to_string(count) + "\n";
}

}  // namespace

// Bucket kSteps·o + s holds durations up to 2^o · (1 + (s + 1) / kSteps) microseconds; the last one all
// above.
void Histogram::observe(std::chrono::nanoseconds duration) {
  const auto micros = static_cast<double>(std::max<std::int64_t>(duration.count(), 0)) / 1000.0;
  std::size_t bucket = 0;
  if (micros > 1.0) {
    const int octave = std::ilogb(micros);
    const double within = std::ldexp(micros, -octave) - 1.0;  // [0, 1)
    const auto upper = static_cast<std::ptrdiff_t>(std::ceil(within * kSteps));
    bucket = static_cast<std::size_t>(std::max<std::ptrdiff_t>(octave * kSteps + upper - 1, 0));
  }
  buckets_[std::min(bucket, buckets_.size() - 1)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(duration.count(), std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

std::chrono::nanoseconds Histogram::quantile(double q) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count())));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size() && wanted > 0; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen < wanted) continue;
    const auto octave = static_cast<int>(i) / kSteps;
    const double upper = 1.0 + (static_cast<double>(i % kSteps) + 1.0) / kSteps;
    return std::chrono::nanoseconds(std::llround(std::ldexp(upper * 1000.0, octave)));
  }
  return std::chrono::nanoseconds(0);
}

std::uint64_t Histogram::count_below(int octave) const {
  std::uint64_t total = 0;
  const auto last = static_cast<std::size_t>(octave) * kSteps;
  for (std::size_t i = 0; i < last; ++i) total += buckets_[i].load(std::memory_order_relaxed);
  return total;
}

Counter& Metrics::counter(std::string name, std::string help, Labels labels) {
  return std::get<Counter>(
      series_.emplace_back(std::move(name), std::move(help), std::move(labels), std::in_place_type<Counter>)
          .value);
}

Gauge& Metrics::gauge(std::string name, std::string help, Labels labels) {
  return std::get<Gauge>(
      series_.emplace_back(std::move(name), std::move(help), std::move(labels), std::in_place_type<Gauge>)
          .value);
}

Histogram& Metrics::histogram(std::string name, std::string help, Labels labels) {
  return std::get<Histogram>(
      series_.emplace_back(std::move(name), std::move(help), std::move(labels), std::in_place_type<Histogram>)
          .value);
}

void Metrics::measured(std::string name, std::string help, std::function<double()> read, Labels labels) {
  series_.emplace_back(std::move(name), std::move(help), std::move(labels), std::move(read));
}

void Metrics::append(std::string& text, const Series& series) {
  const std::string name = "dormouse_" + series.name;
  if (const auto* counter = std::get_if<Counter>(&series.value)) {
    text += name + braces(series.labels) + " " + std::to_string(counter->value()) + "\n";
  } else if (const auto* gauge = std::get_if<Gauge>(&series.value)) {
    text += name + braces(series.labels) + " " + text_of_gauge(gauge->value()) + "\n";
  } else if (const auto* read = std::get_if<std::function<double()>>(&series.value)) {
    text += name + braces(series.labels) + " " + text_of_gauge((*read)()) + "\n";
  } else {
    append_histogram(text, name, series.labels, std::get<Histogram>(series.value));
  }
}

std::string Metrics::prometheus() const {
  constexpr std::array<std::string_view, 4> kTypes{"counter", "gauge", "histogram", "gauge"};
  std::string text;
  std::set<std::string_view> done;
  for (const Series& first : series_) {  // all series of a name stand together
    if (!done.insert(first.name).second) continue;
    text += "# HELP dormouse_" + first.name + " " + first.help + "\n";
    const std::string_view type = first.name.ends_with("_total") ? "counter" : kTypes[first.value.index()];
    text += "# TYPE dormouse_" + first.name + " " + std::string(type) + "\n";
    for (const Series& series : series_) {
      if (series.name == first.name) append(text, series);
    }
  }
  return text;
}

}  // namespace dormouse::daemon
