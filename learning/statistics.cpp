#include "learning/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace dormouse::learning {
namespace {

constexpr double kFormat = 1;
constexpr std::size_t kStatisticsHeader = 3;  // format, width, count

}  // namespace

void ClassStatistics::add(std::span<const float> latent, double times) {
  ensure(latent.size() == sum.size(), "latents of one width");
  count += times;
  std::size_t at = 0;
  for (std::size_t i = 0; i < latent.size(); ++i) {
    const double scaled = times * double{latent[i]};
    sum[i] += scaled;
    for (std::size_t j = 0; j <= i; ++j) moment[at++] += scaled * double{latent[j]};
  }
}

void ClassStatistics::add(const ClassStatistics& other) {
  ensure(other.sum.size() == sum.size(), "latents of one width");
  count += other.count;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other.sum[i];
  for (std::size_t i = 0; i < moment.size(); ++i) moment[i] += other.moment[i];
}

std::string to_bytes(const ClassStatistics& statistics) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<double> numbers{kFormat, static_cast<double>(statistics.sum.size()), statistics.count};
  numbers.insert(numbers.end(), statistics.sum.begin(), statistics.sum.end());
  numbers.insert(numbers.end(), statistics.moment.begin(), statistics.moment.end());
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double)};
}

ClassStatistics class_statistics(std::string_view bytes, std::size_t width, std::string_view what) {
  ClassStatistics statistics(width);
  std::vector<double> numbers(kStatisticsHeader + statistics.sum.size() + statistics.moment.size());
  const bool fits = bytes.size() == numbers.size() * sizeof(double);
  if (fits) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  if (!fits || numbers[0] != kFormat || numbers[1] != static_cast<double>(width) || !(numbers[2] >= 0) ||
      !std::ranges::all_of(numbers, [](double x) { return std::isfinite(x); }))
    throw Failure(Errc::corrupt,
                  std::string(what) + ": not the statistics of a class of width " + std::to_string(width));
  statistics.count = numbers[2];
  std::copy_n(numbers.begin() + kStatisticsHeader, width, statistics.sum.begin());
  std::copy(numbers.begin() + std::ptrdiff_t(kStatisticsHeader + width), numbers.end(),
            statistics.moment.begin());
  return statistics;
}

Statistics statistics_of(const LabelledLatents& data, std::size_t classes) {
  Statistics statistics(classes, ClassStatistics(data.width()));
  for (std::size_t i = 0; i < data.size(); ++i) {
    ensure(data.classes[i] < classes, "a known class");
    statistics[data.classes[i]].add(data.row(i));
  }
  return statistics;
}

void LatentScale::standardise(std::span<float> latent) const {
  for (std::size_t i = 0; i < latent.size(); ++i) latent[i] = (latent[i] - mean[i]) / deviation[i];
}

LatentScale scale_of(const Statistics& statistics, std::size_t width) {
  const auto present = std::ranges::count_if(statistics, [](const auto& s) { return s.count > 0; });
  LatentScale scale{std::vector<float>(width, 0.0f), std::vector<float>(width, 1.0f)};
  if (present == 0) return scale;
  for (std::size_t i = 0; i < width; ++i) {
    double first = 0, second = 0;
    for (const ClassStatistics& s : statistics) {
      if (s.count <= 0) continue;
      first += s.sum[i] / s.count;
      second += s.moment[i * (i + 1) / 2 + i] / s.count;
    }
    first /= static_cast<double>(present);
    const double variance = second / static_cast<double>(present) - first * first;
    scale.mean[i] = static_cast<float>(first);
    // Elements that hardly move (a dead unit) carry rounding noise only; blowing it up would drown the rest.
    if (variance > 1e-8 * (1 + first * first)) scale.deviation[i] = static_cast<float>(std::sqrt(variance));
  }
  return scale;
}

}  // namespace dormouse::learning
