#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dormouse::hrm {

/// How far down a model's list of classes one has to go to meet `label`: the summed probability of those that
/// are at least as probable as it, itself included, and 0.02 for every one of them beyond the second, so that
/// sets stay small. RAPS (Angelopoulos and others, arXiv:2009.14193) without its randomisation, hence never
/// more likely to miss than promised. `label` < probabilities.size() (ensure()d).
float set_score(std::span<const float> probabilities, std::size_t label);

/// The score up to which labels belong into a set so that it misses the right one with probability `miss` at
/// most: the ⌈(n + 1)(1 − miss)⌉-th smallest of the scores that the right labels of n examples got. Nothing
/// where that is more than n: there are too few to tell. `scores` ascend.
///
/// What has to hold: examples and inputs are exchangeable, and no example had a part in how the probabilities
/// are made. The promise is about all inputs and all draws of examples together, not about one kind of input
/// or one class.
std::optional<float> set_threshold(std::span<const float> scores, double miss);

/// The labels whose score is at most `threshold`, the most probable first; the first of all in any case.
std::vector<std::uint32_t> prediction_set(std::span<const float> probabilities, float threshold);

}  // namespace dormouse::hrm
