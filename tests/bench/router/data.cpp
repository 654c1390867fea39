#include "tests/bench/router/data.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <numeric>
#include <random>
#include <set>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "learning/train.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using learning::Dataset;

constexpr std::size_t kLessons = 5000;
constexpr std::size_t kTeachers = 8;  // recordings, two a person

/// Number of the recording that a window is of: "…/07-00312.csv".
int recording(const std::string& name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string::npos || dash < 2)
    throw Failure(Errc::invalid, name + ": no number of a recording in its name");
  return std::stoi(name.substr(dash - 2, 2));
}

/// Folders come activity by activity, a day does not, and the gate learns from one lesson after the other.
Dataset shuffled(const Dataset& data) {
  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random(1);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  Dataset part;
  part.labels = data.labels;
  for (const std::size_t i : order) {
    part.clips.push_back(data.clips[i]);
    part.classes.push_back(data.classes[i]);
    part.names.push_back(data.names[i]);
  }
  return part;
}

fs::path seed_of(const fs::path& stem) { return stem.string() + ".seed.safetensors"; }

}  // namespace

RouterData image_data(const std::string& name, const fs::path& folder) {
  const Dataset train = learning::read_dataset(folder / "train-images-idx3-ubyte.gz");
  const std::size_t base = train.size() - kLessons;
  return {name, subset(train, [&](std::size_t i) { return i < base; }),
          subset(train, [&](std::size_t i) { return i >= base; }),
          learning::read_dataset(folder / "t10k-images-idx3-ubyte.gz")};
}

RouterData activity_data(const fs::path& folder) {
  const Dataset train = learning::read_dataset(folder / "base");
  std::set<int> recordings;
  for (const std::string& name : train.names) recordings.insert(recording(name));
  const int first = *std::prev(recordings.end(), kTeachers);
  return {"hapt", subset(train, [&](std::size_t i) { return recording(train.names[i]) < first; }),
          shuffled(subset(train, [&](std::size_t i) { return recording(train.names[i]) >= first; })),
          learning::read_dataset(folder / "test", train.labels)};
}

Dataset without_class(const Dataset& data, learning::ClassIndex left_out) {
  Dataset part = subset(data, [&](std::size_t i) { return data.classes[i] != left_out; });
  part.labels.erase(part.labels.begin() + left_out);
  for (learning::ClassIndex& c : part.classes) c -= c > left_out;
  return part;
}

fs::path trained(const fs::path& spec_file, const Dataset& data, const fs::path& stem,
                 const fs::path& teacher, std::optional<std::int64_t> epochs) {
  const fs::path model = stem.string() + ".onnx", seed = seed_of(stem);
  if (fs::exists(model) && fs::exists(seed)) return model;
  fs::create_directories(stem.parent_path());
  learning::ModelSpec spec = learning::read_model_spec(spec_file);
  if (epochs) spec.train.epochs = *epochs;
  const auto report = [&](const learning::TrainProgress& progress) {
    std::fprintf(stderr, "\r%s: epoch %ld of %ld, loss %.4f ", stem.c_str(), long{progress.epoch},
                 long{progress.epochs}, double{progress.loss});
  };
  learning::TeacherModel master;
  if (!teacher.empty()) {
    const fs::path beside = seed_of(teacher.parent_path() / teacher.stem());
    master = {engine::read_onnx(teacher.string()), learning::read_seed(beside).normaliser, data.labels};
  }
  const auto made = learning::train_model(spec, data, drivers::all_drivers(), report,
                                          {.teacher = teacher.empty() ? nullptr : &master});
  std::fprintf(stderr, "\n");
  learning::write_seed(seed, made.seed);
  engine::write_onnx(made.graph, model.string());
  return model;
}

}  // namespace dormouse::bench
