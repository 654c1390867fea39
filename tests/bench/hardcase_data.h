#pragma once

#include <filesystem>
#include <string>

#include "learning/dataset.h"

namespace dormouse::bench {

/// A model is trained on `base`, `teach` has other classes, `test` has all of them, in this order.
struct HardCase {
  learning::Dataset base;
  learning::Dataset teach;
  learning::Dataset test;
};

/// How many images of a class.
struct ImageCounts {
  std::size_t base = 600;
  std::size_t teach = 200;
  std::size_t test = 200;
};

/// Fashion-MNIST's first images of every class, from a folder of its four unpacked files: five classes are
/// known, every other one, and five are taught. Clips are [784, 1], pixels in [0, 1].
HardCase fashion(const std::filesystem::path& folder, const ImageCounts& counts);
/// What tests/bench/hapt cut, with these activities known and taught.
HardCase activities(const std::filesystem::path& folder, const std::vector<std::string>& known,
                    const std::vector<std::string>& taught);

}  // namespace dormouse::bench
