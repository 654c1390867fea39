#include "learning/statistics.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {

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
