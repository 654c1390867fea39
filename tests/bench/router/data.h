#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "learning/dataset.h"

namespace dormouse::bench {

/// One set of the router's protocol, parted as a device would meet it.
struct RouterData {
  std::string name;
  learning::Dataset base;     ///< models are trained on it, and memory is filled from it
  learning::Dataset lessons;  ///< the gate learns from it; no model has seen it
  learning::Dataset test;     ///< requests: the official test part
};

/// MNIST's format, from a folder of its files: the last 5,000 training images are the lessons.
RouterData image_data(const std::string& name, const std::filesystem::path& folder);
/// What tests/bench/hapt cut with all people in its base: the last four of the training people give lessons.
RouterData activity_data(const std::filesystem::path& folder);

/// Those for which `chosen(i)` holds.
template <class Chosen>
learning::Dataset subset(const learning::Dataset& data, const Chosen& chosen) {
  learning::Dataset part;
  part.labels = data.labels;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (!chosen(i)) continue;
    part.clips.push_back(data.clips[i]);
    part.classes.push_back(data.classes[i]);
    if (!data.names.empty()) part.names.push_back(data.names[i]);
  }
  return part;
}
/// Without one class, which loses its number.
learning::Dataset without_class(const learning::Dataset& data, learning::ClassIndex left_out);

/// The models that specs beside this file describe, by dormouse's own training, and by the soft answers of
/// `teacher` where there is one (an ONNX file that trained() made). Files that are there already are used
/// again.
std::filesystem::path trained(const std::filesystem::path& spec, const learning::Dataset& data,
                              const std::filesystem::path& stem, const std::filesystem::path& teacher = {},
                              std::optional<std::int64_t> epochs = {});

}  // namespace dormouse::bench
