#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// Labelled recordings from a folder: each sub-folder is a label and holds clips (WAV, NumPy, CSV; f32 [time,
/// channels]); or LABEL.npy holds many windows at once, [windows, time, channels].
struct Dataset {
  std::vector<std::string> labels;
  std::vector<Tensor> clips;
  std::vector<ClassIndex> classes;
  std::vector<std::string> names;  ///< of the clips, for messages

  std::size_t size() const { return clips.size(); }
};

/// Reads in lexical order. `labels`: the classes in this order, and nothing else is read; empty: every label
/// there is. Throws Failure naming the file that cannot be read, or the label that has no clips.
Dataset read_dataset(const std::filesystem::path& folder, std::vector<std::string> labels = {});

}  // namespace dormouse::learning
