#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dormouse::memory {

/// What k-means groups: one vector, or many summed up in their mean.
struct WeightedPoint {
  std::span<const float> at;
  double weight = 1;  ///< above 0
};

struct Clustering {
  std::vector<std::vector<float>> centres;          ///< no two alike, none without points
  std::vector<std::optional<std::size_t>> origins;  ///< of each centre: which of `start` it moved from
  std::vector<std::size_t> nearest;                 ///< of each point: its centre
};

/// At most `k` weighted means: Lloyd's iterations (1982) from the `start` centres (at most k of them,
/// ensure()d) and, where those are fewer, more drawn by k-means++ (Arthur and Vassilvitskii, 2007). A cluster
/// that loses all its points begins again at the point that is worst represented, as a cluster without an
/// origin.
///
/// Fewer than k come back when there are fewer different points. Deterministic: the same arguments give the
/// same bits, on one machine and compiler. All vectors are equally wide (ensure()d).
Clustering cluster(std::span<const WeightedPoint> points, std::size_t k,
                   std::span<const std::vector<float>> start, std::uint64_t seed);

/// Euclidean, summed in double.
double squared_distance(std::span<const float> a, std::span<const float> b);

}  // namespace dormouse::memory
