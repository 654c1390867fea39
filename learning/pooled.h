#pragma once

#include <span>
#include <vector>

#include "learning/statistics.h"

namespace dormouse::learning {

/// Whose scatter counts how much where classes are pooled.
enum class Weigh {
  examples,  ///< each example alike
  classes  ///< each class nearly alike: an example of a class of n weighs 1 / (the power of two from n on, 8
           ///< at least), so that a class's share lies between a half and one, and changes only when n
           ///< doubles
};

/// Class means and one scatter within classes, all classes together: what discriminant analysis and ridge
/// regression need. Welford's updates: a label moves the scatter by a rank-1 matrix, in either direction,
/// whatever the order (to rounding). Memory: D(D + 1)/2 + C·(D + 1) doubles; weighing classes, C + 1
/// scatters.
class PooledScatter {
 public:
  /// How a label moved it: the scatter by times · ddᵀ, the class's mean by share · d.
  struct Move {
    std::vector<double> d = {};  ///< empty: the class's first example, or its last one taken back
    double times = 0;
    double share = 0;
    bool reweighed = false;  ///< more moved: the class's examples weigh otherwise now
  };

  PooledScatter(std::size_t width, std::size_t classes, Weigh weigh = Weigh::examples);
  /// As the accessors show it: [C], [C, D] and the lower triangle; examples weigh alike.
  PooledScatter(std::vector<double> count, std::vector<double> mean, std::vector<double> scatter);

  void grow(std::size_t classes);
  Move add(std::span<const float> x, ClassIndex label);
  /// Throws Failure(invalid) when the class has no example.
  Move take_back(std::span<const float> x, ClassIndex label);
  void add(const Statistics& statistics);

  std::size_t width() const { return width_; }
  std::size_t classes() const { return count_.size(); }
  double count(std::size_t label) const { return count_[label]; }
  /// Σ of the examples' weights.
  double total() const;
  std::span<const double> counts() const { return count_; }
  std::span<const double> means() const { return mean_; }
  std::span<const double> mean(std::size_t label) const {
    return std::span(mean_).subspan(label * width_, width_);
  }
  /// Lower triangle, row by row.
  std::span<const double> scatter() const { return scatter_; }
  std::size_t bytes() const;

 private:
  double weight(double count) const;
  void move(ClassIndex label, double before, Move& by);

  std::size_t width_;
  Weigh weigh_ = Weigh::examples;
  std::vector<double> count_;             ///< [C]
  std::vector<double> mean_;              ///< [C, D]
  std::vector<double> scatter_;           ///< lower triangle
  std::vector<std::vector<double>> own_;  ///< of each class, unweighed; only where classes weigh alike
};

}  // namespace dormouse::learning
