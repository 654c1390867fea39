#include "tests/bench/memory/vectors.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::bench {

Vectors::Vectors(const std::string& kind, unsigned seed) : random_(seed), deviations_(kWidth, 1.0f) {
  centres_.emplace_back(kWidth, 0.0f);
  if (kind == "clusters") {
    centres_.assign(200, {});
    for (auto& centre : centres_)
      for (std::size_t i = 0; i < kWidth; ++i) centre.push_back(normal_(random_));
    std::ranges::fill(deviations_, 0.5f);
  } else if (kind == "decaying") {
    for (std::size_t i = 0; i < kWidth; ++i) deviations_[i] = 1 / std::sqrt(1 + static_cast<float>(i));
  } else if (kind != "white") {
    throw Failure(Errc::invalid, kind + ": expected clusters, decaying or white");
  }
}

std::vector<float> Vectors::draw() {
  std::vector<float> vector = centres_[random_() % centres_.size()];
  for (std::size_t i = 0; i < kWidth; ++i) vector[i] += deviations_[i] * normal_(random_);
  return vector;
}

memory::VectorIndex filled_index(Vectors& vectors, std::size_t count) {
  memory::VectorIndex index(kWidth, 2 * count);
  for (memory::EpisodeId id = 1; id <= count; ++id) {
    const memory::CodedLatent latent = memory::quantise(vectors.draw());
    ensure(index.load({.id = id}, latent), "room");
  }
  return index;
}

Truth::Truth(const memory::VectorIndex& index) {
  const auto rows = index.rows();
  for (std::size_t row = 0; row < rows->rows(); ++row) {
    const float scale = rows->measure(row).scale;
    for (std::size_t i = 0; i < kWidth; ++i)
      values_.push_back(scale * static_cast<float>(rows->codes(row)[i]));
  }
}

std::vector<memory::EpisodeId> Truth::nearest(std::span<const float> query, std::size_t k) const {
  std::vector<std::pair<float, memory::EpisodeId>> all(values_.size() / kWidth);
  for (std::size_t row = 0; row < all.size(); ++row) {
    float squares = 0;
    for (std::size_t i = 0; i < kWidth; ++i) {
      const float gap = query[i] - values_[row * kWidth + i];
      squares += gap * gap;
    }
    all[row] = {squares, row + 1};
  }
  std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(k));
  std::vector<memory::EpisodeId> ids;
  for (std::size_t i = 0; i < k; ++i) ids.push_back(all[i].second);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace dormouse::bench
