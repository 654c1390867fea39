#pragma once

#include <cmath>

#include "learning/latents.h"
#include "learning/random.h"

/// Gaussian clusters with correlated, shifted and unequally scaled elements, as the latents of a real network
/// have.
class Clusters {
 public:
  Clusters(std::size_t classes, std::size_t width, double separation, std::uint64_t seed)
      : random_(seed), width_(width), offset_(width), scale_(width), centres_(classes * width) {
    for (std::size_t i = 0; i < width; ++i) {
      offset_[i] = 3 * random_.uniform();
      scale_[i] = std::exp(random_.normal());
    }
    for (double& x : centres_) x = separation * random_.normal();
  }

  dormouse::learning::LabelledLatents draw(std::size_t per_class, std::size_t first, std::size_t last) {
    using namespace dormouse::learning;
    LabelledLatents data;
    data.latents = Tensor(dormouse::engine::DType::f32,
                          Shape{std::int64_t(per_class * (last - first)), std::int64_t(width_)});
    auto out = data.latents.mutable_values<float>().begin();
    for (std::size_t k = 0; k < per_class; ++k)
      for (std::size_t c = first; c < last; ++c) {
        data.classes.push_back(static_cast<ClassIndex>(c));
        const double common = random_.normal();
        for (std::size_t i = 0; i < width_; ++i)
          *out++ = static_cast<float>(
              offset_[i] + scale_[i] * (centres_[c * width_ + i] + random_.normal() + 0.7 * common));
      }
    return data;
  }

 private:
  dormouse::learning::Random random_;
  std::size_t width_;
  std::vector<double> offset_, scale_, centres_;
};

/// Fraction of `truth` that `predicted` gets right, of the classes [first, last).
inline double accuracy(const std::vector<dormouse::learning::ClassIndex>& predicted,
                       const std::vector<dormouse::learning::ClassIndex>& truth, std::size_t first,
                       std::size_t last) {
  std::size_t right = 0, all = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] < first || truth[i] >= last) continue;
    ++all;
    right += predicted[i] == truth[i];
  }
  return double(right) / double(all);
}
