#include "tests/bench/nab/score.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "config/error.h"

namespace dormouse::bench::nab {
namespace {

/// What a detection at one row changes.
struct Point {
  double score;
  double worth;                       ///< of this detection: ]0, tp] inside a window, [-fp, 0[ outside
  std::optional<std::size_t> window;  ///< among those of the corpus
};

double worth_inside(std::size_t row, const Window& window, const Profile& profile) {
  const double position = -static_cast<double>(window.last - row + 1) / static_cast<double>(window.width());
  return profile.true_positive * scaled_sigmoid(position) / scaled_sigmoid(-1);
}

double worth_outside(std::size_t row, const Window* before, const Profile& profile) {
  if (before == nullptr || before->width() == 1) return -profile.false_positive;
  const double position = static_cast<double>(row - before->last) / static_cast<double>(before->width() - 1);
  return profile.false_positive * scaled_sigmoid(position);
}

/// The points of one series; `windows` counts those of the series before it.
void append_points(const Judged& judged, const Profile& profile, std::size_t windows,
                   std::vector<Point>& points) {
  const Series& series = *judged.series;
  ensure(judged.scores.size() == series.rows.size(), "a score for each row");
  std::size_t next = 0;  // the first window that does not end before the row
  for (std::size_t row = 0; row < series.rows.size(); ++row) {
    while (next < series.windows.size() && series.windows[next].last < row) ++next;
    if (row < probation(series.rows.size())) continue;
    if (next < series.windows.size() && series.windows[next].first <= row)
      points.push_back(
          {judged.scores[row], worth_inside(row, series.windows[next], profile), windows + next});
    else
      points.push_back({judged.scores[row],
                        worth_outside(row, next > 0 ? &series.windows[next - 1] : nullptr, profile),
                        std::nullopt});
  }
}

std::size_t window_count(std::span<const Judged> corpus) {
  std::size_t count = 0;
  for (const Judged& each : corpus) count += each.series->windows.size();
  return count;
}

std::vector<Point> points_of(std::span<const Judged> corpus, const Profile& profile) {
  std::vector<Point> points;
  std::size_t windows = 0;
  for (const Judged& each : corpus) {
    append_points(each, profile, windows, points);
    windows += each.series->windows.size();
  }
  return points;
}

/// The score as detections are added: a window counts by its most valuable detection, which is its first.
class Ledger {
 public:
  Ledger(std::size_t windows, const Profile& profile)
      : best_(windows, -profile.false_negative),
        total_(-profile.false_negative * static_cast<double>(windows)) {}
  void add(const Point& point) {
    if (!point.window) {
      total_ += point.worth;
    } else if (double& best = best_[*point.window]; point.worth > best) {
      total_ += point.worth - best;
      best = point.worth;
    }
  }
  double total() const { return total_; }

 private:
  std::vector<double> best_;
  double total_;
};

}  // namespace

std::size_t probation(std::size_t rows) { return std::min<std::size_t>(rows * 15 / 100, 750); }

double scaled_sigmoid(double position) {
  if (position >= 3) return -1;
  return 2 / (1 + std::exp(5 * position)) - 1;
}

double raw_score(std::span<const Judged> corpus, double threshold, const Profile& profile) {
  Ledger ledger(window_count(corpus), profile);
  for (const Point& point : points_of(corpus, profile))
    if (point.score >= threshold) ledger.add(point);
  return ledger.total();
}

double normalised(double raw, std::span<const Judged> corpus, const Profile& profile) {
  const auto windows = static_cast<double>(window_count(corpus));
  const double null = -profile.false_negative * windows, perfect = profile.true_positive * windows;
  return windows == 0 ? std::numeric_limits<double>::quiet_NaN() : 100 * (raw - null) / (perfect - null);
}

Optimum best_threshold(std::span<const Judged> corpus, const Profile& profile) {
  std::vector<Point> points = points_of(corpus, profile);
  std::ranges::stable_sort(points, std::ranges::greater{}, &Point::score);
  Ledger ledger(window_count(corpus), profile);
  Optimum best{std::numeric_limits<double>::infinity(), ledger.total()};
  for (std::size_t i = 0; i < points.size(); ++i) {
    ledger.add(points[i]);
    const bool last_of_its_score = i + 1 == points.size() || points[i + 1].score < points[i].score;
    if (last_of_its_score && ledger.total() > best.raw) best = {points[i].score, ledger.total()};
  }
  return best;
}

Counts counts(std::span<const Judged> corpus, double threshold) {
  std::vector<bool> found(window_count(corpus));
  Counts result;
  for (const Point& point : points_of(corpus, kProfiles[0])) {
    if (point.score < threshold) continue;
    if (point.window)
      found[*point.window] = true;
    else
      ++result.false_positives;
  }
  result.detected = static_cast<std::size_t>(std::ranges::count(found, true));
  result.missed = found.size() - result.detected;
  return result;
}

}  // namespace dormouse::bench::nab
