#include "memory/review.h"

#include <algorithm>
#include <numeric>

#include "memory/cluster.h"

namespace dormouse::memory {

std::vector<ReviewChoice> choose_for_review(std::span<const ReviewCandidate> candidates, std::size_t n,
                                            float alike_within) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return candidates[i].score(); });
  const double near = double{alike_within} * double{alike_within};
  std::vector<ReviewChoice> chosen;
  for (const std::size_t i : order) {
    const auto covers = [&](const ReviewChoice& choice) {
      return squared_distance(candidates[choice.candidate].latent, candidates[i].latent) <= near;
    };
    const auto covering = std::ranges::find_if(chosen, covers);
    if (covering != chosen.end())
      covering->alike.push_back(i);
    else if (chosen.size() < n)
      chosen.push_back({i, {}});
  }
  return chosen;
}

}  // namespace dormouse::memory
