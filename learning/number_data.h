#pragma once

#include "learning/dataset.h"
#include "learning/targets.h"

namespace dormouse::learning {

/// Which numbers of a file are what.
struct NumberColumns {
  std::vector<std::string> inputs = {};   ///< empty: all that are neither target nor group; of a series: all
  std::vector<std::string> targets = {};  ///< empty: of arrays, all of `y`; of a series, all inputs
  std::string group = {};                 ///< empty: there are no groups
};

/// Examples with numbers that are to be told from them, in the file's order:
///
/// - CSV with a header: a row an example of one time step, `targets` and `inputs` name its columns;
/// - npz: `x` [N, features] or [N, time, channels], `y` [N] or [N, …] (or the array that the one target
/// names), and
///   `group`.
///
/// Throws Failure(invalid) naming file and column, or the row whose number is not finite.
Dataset read_numbers(const std::filesystem::path& path, const NumberColumns& columns);

/// Windows of a series, and what comes behind them.
struct Windows {
  std::int64_t rows = 0;     ///< that the model sees
  std::int64_t horizon = 0;  ///< rows behind these, which it is to foretell
  std::int64_t stride = 1;   ///< rows from the beginning of one window to that of the next
};

/// Windows of a CSV file or a NumPy array [time, channels], a row a moment; or of every such file of a
/// folder, each a series of its own. Inputs and targets may be the same columns. The windows share the
/// series' memory. Throws as read_numbers() does, and when a series is too short for one window.
Dataset read_windows(const std::filesystem::path& path, const NumberColumns& columns, const Windows& windows);

/// The data that a model which answers with numbers is measured on, or trained further: the columns that it
/// names, and windows as its `input` is long. Throws as these two do.
Dataset read_for(const NumberModel& model, const Shape& input, const std::filesystem::path& path,
                 const std::string& group, std::int64_t stride);

}  // namespace dormouse::learning
