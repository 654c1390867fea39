#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// How often each class was taken for which.
class Confusion {
 public:
  explicit Confusion(std::size_t classes) : classes_(classes), counts_(classes * classes) {}

  void add(ClassIndex truth, ClassIndex named);  ///< ensure()s that both are classes
  std::size_t count(std::size_t truth, std::size_t named) const { return counts_[truth * classes_ + named]; }
  std::size_t classes() const { return classes_; }
  std::size_t total() const;

  double accuracy() const;                 ///< 0 of nothing
  double precision(std::size_t of) const;  ///< of what was named so, the share that is; 0 of nothing
  double recall(std::size_t of) const;     ///< of what is so, the share that was named; 0 of nothing
  double f1(std::size_t of) const;         ///< harmonic mean of the two
  double macro_f1() const;                 ///< mean over the classes that there are examples of

 private:
  std::size_t classes_;
  std::vector<std::size_t> counts_;
};

/// The area under the receiver operating characteristic: how probable it is that a positive example scores
/// above a negative one, ties counting half (Mann & Whitney 1947). NaN unless there are both.
double auroc(std::span<const float> scores, std::span<const bool> positive);
/// The mean over classes of one against all others; classes that are missing, or alone, are left out.
double macro_auroc(const Tensor& probabilities, std::span<const ClassIndex> truth);

/// Expected calibration error (Naeini et al. 2015; Guo et al. 2017): the mean over examples of |accuracy -
/// confidence| of the bin that its highest probability falls into, of `bins` of equal width.
double calibration_error(const Tensor& probabilities, std::span<const ClassIndex> truth,
                         std::size_t bins = 15);

}  // namespace dormouse::learning
