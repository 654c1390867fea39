#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// Where in time the target of an example lies: rows [first, last) of a series of `length`.
struct Moment {
  std::size_t series = 0;
  std::int64_t first = 0, last = 0, length = 0;
};

/// Examples that are labelled, or to be told numbers from: recordings, windows of samples, rows of a table,
/// images.
struct Dataset {
  std::vector<std::string> labels;
  std::vector<Tensor> clips;  ///< [time, channels], f32 where they are recordings, else any real type
  std::vector<ClassIndex> classes;
  std::vector<std::string> names;        ///< of the clips, for messages
  std::vector<std::size_t> groups = {};  ///< who or what each comes from; empty: not known

  // Numbers instead of classes, see number_data.h; there are no labels and no classes then.
  std::vector<std::string> input_names = {};  ///< the columns that the clips are made of, where a table says
  std::vector<std::string> target_names = {};
  std::vector<Tensor> targets = {};  ///< of each clip, f32: a number a name, or rows of them
  std::vector<Moment> moments = {};  ///< of each clip; empty: it is no series

  bool table = false;  ///< the clips are rows of a CSV, whose columns have units of their own

  std::size_t size() const { return clips.size(); }
  Tensor clip(std::size_t i) const { return clips[i].as(engine::DType::f32); }
};

/// What the parts of a file are called.
struct DatasetColumns {
  std::string label = "label";
  std::string group = {};  ///< empty: there are no groups
};

/// Reads examples in the file's order, or of a folder in lexical order:
///
/// - a folder: each sub-folder is a label and holds clips (WAV, NumPy, CSV); or LABEL.npy holds many windows
///   at once, [windows, time, channels];
/// - CSV with a header: a row an example of one time step, a column a channel, but for those of label and
///   group;
/// - npz: `x` [N, features] or [N, time, channels], integers `label` (or `y`), and `group` where one is
/// named;
/// - IDX: images [N, height, width]; their labels lie beside them, labels-idx1 in the place of images-idx3;
///   either may be compressed by gzip.
///
/// `labels`: the classes in this order, and nothing else is read; empty: every label there is, in the order
/// of numbers where they are numbers. Throws Failure naming the file that cannot be read, or the label that
/// has no examples.
Dataset read_dataset(const std::filesystem::path& path, std::vector<std::string> labels = {},
                     const DatasetColumns& columns = {});

}  // namespace dormouse::learning
