#include "tests/bench/ladder/examples.h"

#include <algorithm>
#include <cmath>

#include "engine/formats/npy.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using engine::DType;
using engine::Shape;
using engine::Tensor;

Tensor numbers(std::span<const std::uint32_t> values) {
  Tensor tensor(DType::i32, Shape{static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.mutable_values<std::int32_t>().begin());
  return tensor;
}

std::vector<std::uint32_t> read_numbers(const fs::path& path, std::size_t size) {
  const Tensor tensor = engine::read_npy(path.string());
  if (tensor.dtype() != DType::i32 || tensor.shape() != Shape{static_cast<std::int64_t>(size)})
    throw Failure(Errc::corrupt, path.string() + ": expected one i32 for each input; prepare the data again");
  const auto values = tensor.values<std::int32_t>();
  return {values.begin(), values.end()};
}

void write_part(const fs::path& folder, const std::string& part, const Examples& examples) {
  const auto file = [&](const char* what) { return (folder / (part + what)).string(); };
  engine::write_npy(file("-inputs.npy"), examples.inputs);
  engine::write_npy(file("-classes.npy"), numbers(examples.classes));
  engine::write_npy(file("-groups.npy"), numbers(examples.groups));
}

Examples read_part(const fs::path& folder, const std::string& part) {
  const fs::path path = folder / (part + "-inputs.npy");
  Examples examples;
  examples.inputs = engine::read_npy(path.string());
  const Tensor& inputs = examples.inputs;
  if (inputs.shape().rank() != 2 || (inputs.dtype() != DType::u8 && inputs.dtype() != DType::f32))
    throw Failure(Errc::corrupt, path.string() + ": expected u8 or f32 [N, D]; prepare the data again");
  const auto size = static_cast<std::size_t>(inputs.shape()[0]);
  examples.classes = read_numbers(folder / (part + "-classes.npy"), size);
  examples.groups = read_numbers(folder / (part + "-groups.npy"), size);
  return examples;
}

}  // namespace

void write_data(const fs::path& folder, const DataSet& data) {
  fs::create_directories(folder);
  write_part(folder, "train", data.train);
  write_part(folder, "test", data.test);
}

DataSet read_data(const fs::path& folder) { return {read_part(folder, "train"), read_part(folder, "test")}; }

Scale Scale::of_bytes(std::size_t width) {
  return {std::vector<float>(width, 0.0f), std::vector<float>(width, 255.0f)};
}

Scale Scale::of(const Examples& examples, std::span<const std::size_t> rows) {
  const std::size_t width = examples.width();
  const auto values = examples.inputs.values<float>();
  std::vector<double> sum(width), squares(width);
  for (const std::size_t row : rows)
    for (std::size_t i = 0; i < width; ++i) {
      const double x = values[row * width + i];
      sum[i] += x;
      squares[i] += x * x;
    }
  Scale scale{std::vector<float>(width), std::vector<float>(width)};
  for (std::size_t i = 0; i < width; ++i) {
    const double mean = sum[i] / static_cast<double>(rows.size());
    const double variance = squares[i] / static_cast<double>(rows.size()) - mean * mean;
    scale.mean[i] = static_cast<float>(mean);
    scale.deviation[i] =
        variance > 1e-12 * (1 + mean * mean) ? static_cast<float>(std::sqrt(variance)) : 1.0f;
  }
  return scale;
}

}  // namespace dormouse::bench
