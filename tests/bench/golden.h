#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor.h"

/// What ONNX Runtime gave for the real models, stored small: some elements of every output.
namespace dormouse::bench {

struct GoldenOutput {
  std::string shape;            ///< "f32 [1, 1000]"
  double largest = 0;           ///< of all its elements, by size
  std::vector<double> samples;  ///< elements that lie evenly apart, first and last among them
};

GoldenOutput golden_of(const engine::Tensor& output);
/// The largest difference of the samples in units of tolerance · largest + 1e-5; infinite for another shape
/// or type.
double distance(const engine::Tensor& got, const GoldenOutput& expected, double tolerance);

/// By model, in the order of real_models().
using Golden = std::vector<std::vector<GoldenOutput>>;

/// A line an output: the model's number and file, shape, largest, samples; tabs between.
void write_golden(const Golden& golden, const std::filesystem::path& file);
/// Throws Failure(corrupt) naming the line.
Golden read_golden(const std::filesystem::path& file);

}  // namespace dormouse::bench
