#include "tests/bench/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/bench/real_models.h"

namespace dormouse::bench {
namespace {

using engine::DType;
using engine::Tensor;

constexpr std::size_t kSamples = 16;

std::string type_of(const Tensor& tensor) {
  return std::string(word(tensor.dtype())) + " " + to_string(tensor.shape());
}

std::vector<double> samples_of(std::span<const double> values) {
  const std::size_t count = std::min(values.size(), kSamples);
  std::vector<double> samples;
  for (std::size_t i = 0; i < count; ++i)
    samples.push_back(values[count == 1 ? 0 : i * (values.size() - 1) / (count - 1)]);
  return samples;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.8g", value);
  return text;
}

GoldenOutput parse(std::istringstream line) {
  GoldenOutput output;
  std::getline(line, output.shape, '\t');
  line >> output.largest;
  for (double sample; line >> sample;) output.samples.push_back(sample);
  return output;
}

}  // namespace

GoldenOutput golden_of(const Tensor& output) {
  const Tensor wide = output.as(DType::f64);
  GoldenOutput golden{type_of(output), 0, samples_of(wide.values<double>())};
  for (const double value : wide.values<double>()) golden.largest = std::max(golden.largest, std::abs(value));
  return golden;
}

double distance(const Tensor& got, const GoldenOutput& expected, double tolerance) {
  const Tensor wide = got.as(DType::f64);
  const auto samples = samples_of(wide.values<double>());
  if (type_of(got) != expected.shape || samples.size() != expected.samples.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double ratio = std::abs(samples[i] - expected.samples[i]) / (tolerance * expected.largest + 1e-5);
    if (!(ratio <= worst)) worst = std::isnan(ratio) ? INFINITY : ratio;
  }
  return worst;
}

void write_golden(const Golden& golden, const std::filesystem::path& file) {
  const std::vector<RealModel> models = real_models();
  std::ofstream out(file);
  for (std::size_t m = 0; m < golden.size(); ++m)
    for (const GoldenOutput& output : golden[m]) {
      out << m << '\t' << models[m].file << '\t' << output.shape << '\t' << number(output.largest);
      for (const double sample : output.samples) out << '\t' << number(sample);
      out << '\n';
    }
}

Golden read_golden(const std::filesystem::path& file) {
  const std::vector<RealModel> models = real_models();
  Golden golden(models.size());
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::size_t model = models.size();
    std::string name;
    words >> model;
    words.ignore();
    std::getline(words, name, '\t');
    if (model >= models.size() || models[model].file != name)
      throw Failure(Errc::corrupt, file.string() + ": of other models: " + line.substr(0, 60));
    golden[model].push_back(parse(std::move(words)));
  }
  return golden;
}

}  // namespace dormouse::bench
