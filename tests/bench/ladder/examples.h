#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "learning/latents.h"

namespace dormouse::bench {

/// Labelled inputs as they were prepared, and who they come from.
struct Examples {
  engine::Tensor inputs = engine::Tensor(engine::DType::f32, engine::Shape{0, 0});  ///< u8 or f32 [N, D]
  std::vector<learning::ClassIndex> classes;
  std::vector<std::uint32_t> groups;  ///< the person an example comes from; all 0 when it does not matter

  std::size_t size() const { return classes.size(); }
  std::size_t width() const { return static_cast<std::size_t>(inputs.shape()[1]); }
};

/// A data set under its official split.
struct DataSet {
  Examples train;
  Examples test;
};

/// Three NumPy files for each part: PART-inputs.npy, PART-classes.npy, PART-groups.npy (train, test).
void write_data(const std::filesystem::path& folder, const DataSet& data);
/// Inputs stay mapped. Throws Failure naming the file that is missing or contradicts the others.
DataSet read_data(const std::filesystem::path& folder);

/// x → (x − mean) / deviation for each element of an input.
struct Scale {
  std::vector<float> mean;
  std::vector<float> deviation;

  /// Elements in [0, 1] from bytes.
  static Scale of_bytes(std::size_t width);
  /// Of `rows` of f32 examples; constant elements have deviation 1.
  static Scale of(const Examples& examples, std::span<const std::size_t> rows);
};

}  // namespace dormouse::bench
