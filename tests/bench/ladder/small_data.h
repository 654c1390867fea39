#pragma once

#include "tests/bench/ladder/examples.h"

namespace dormouse::bench {

/// `each` examples of every class of every group; an example's values are its own number, counted from
/// `first`.
inline Examples small_examples(std::uint32_t classes, std::uint32_t groups, std::size_t each, float first,
                               std::size_t width = 2) {
  Examples examples;
  std::vector<float> values;
  for (std::uint32_t group = 0; group < groups; ++group)
    for (std::uint32_t c = 0; c < classes; ++c)
      for (std::size_t i = 0; i < each; ++i) {
        values.insert(values.end(), width, first + static_cast<float>(examples.size()));
        examples.classes.push_back(c);
        examples.groups.push_back(group);
      }
  examples.inputs = engine::Tensor::from<float>(
      {static_cast<std::int64_t>(examples.size()), static_cast<std::int64_t>(width)}, values);
  return examples;
}

inline Examples small_images(std::uint32_t classes, std::size_t width) {
  Examples examples;
  std::vector<std::uint8_t> values;
  for (std::uint32_t c = 0; c < classes; ++c) {
    for (std::size_t i = 0; i < width; ++i) values.push_back(static_cast<std::uint8_t>(c * 16 + i));
    examples.classes.push_back(c);
    examples.groups.push_back(0);
  }
  examples.inputs = engine::Tensor::from<std::uint8_t>(
      {static_cast<std::int64_t>(classes), static_cast<std::int64_t>(width)}, values);
  return examples;
}

}  // namespace dormouse::bench
