#include "daemon/verbs/quantize_data.h"

#include <algorithm>

#include "daemon/verbs/infer_local.h"
#include "engine/formats/npy.h"

namespace dormouse::daemon {
namespace {

using engine::Batch;
using engine::Graph;
using engine::kDynamic;
using engine::Shape;
using engine::Tensor;

/// Rows [run · n, (run + 1) · n) of `array`, n as `input` says or 1.
Tensor one_run(const Tensor& array, const Shape& input, std::int64_t run) {
  const std::int64_t rows = input[0] == kDynamic ? 1 : input[0];
  return array.rows(run * rows, rows);
}

/// How many runs `array` is for an input of shape `input`.
std::int64_t runs_in(const Tensor& array, const Shape& input, const std::string& what) {
  const Shape& shape = array.shape();
  bool fits = shape.rank() == input.rank();
  for (std::size_t axis = 1; fits && axis < input.rank(); ++axis)
    fits = input[axis] == kDynamic || input[axis] == shape[axis];
  if (fits && input.rank() == 0) return 1;
  if (fits && input[0] == kDynamic) return shape[0];
  if (fits && input[0] > 0 && shape[0] % input[0] == 0) return shape[0] / input[0];
  throw Failure(Errc::invalid,
                what + " has the shape " + to_string(shape) + ", the input " + to_string(input));
}

std::vector<Batch> runs_of_archive(const std::string& path, const Graph& graph) {
  const auto arrays = engine::read_npz(path);
  std::vector<Batch> runs;
  for (const engine::ValueId id : graph.inputs()) {
    const engine::ValueInfo& input = graph.value(id);
    const auto found = arrays.find(input.name);
    if (found == arrays.end())
      throw Failure(Errc::invalid,
                    path + " has no array '" + input.name + "', which is an input of the model");
    const std::string what = path + ": array '" + input.name + "'";
    if (found->second.dtype() != input.dtype)
      throw Failure(Errc::invalid, what + " is of " + std::string(word(found->second.dtype())) +
                                       ", the input of " + std::string(word(input.dtype)));
    const std::int64_t count = runs_in(found->second, input.shape, what);
    if (id == graph.inputs().front()) runs.resize(static_cast<std::size_t>(count));
    if (!std::cmp_equal(count, runs.size()))
      throw Failure(Errc::invalid, what + " has " + std::to_string(count) + " runs, another input " +
                                       std::to_string(runs.size()));
    for (std::size_t i = 0; i < runs.size(); ++i)
      runs[i].push_back(input.shape.rank() == 0
                            ? found->second
                            : one_run(found->second, input.shape, static_cast<std::int64_t>(i)));
  }
  return runs;
}

bool is_archive(const std::filesystem::path& file) { return file.extension() == ".npz"; }

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string kind = entry.path().extension().string();
    const bool data = kind == ".npz" || kind == ".npy" || kind == ".wav" || kind == ".csv" || kind == ".bin";
    if (entry.is_regular_file() && data) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

/// At most `most` of them, evenly spread.
template <class T>
std::vector<T> thinned(std::vector<T> list, std::size_t most) {
  if (list.size() <= most) return list;
  std::vector<T> kept;
  for (std::size_t i = 0; i < most; ++i) kept.push_back(std::move(list[i * list.size() / most]));
  return kept;
}

}  // namespace

std::vector<Batch> read_runs(const std::filesystem::path& data, const std::filesystem::path& model,
                             const Graph& graph, std::size_t most) {
  if (!std::filesystem::is_directory(data)) return thinned(runs_of_archive(data.string(), graph), most);
  const engine::InputNormaliser normaliser = normaliser_beside(model);
  std::vector<Batch> runs;
  for (const auto& file : thinned(files_of(data), most)) {
    if (is_archive(file)) {
      std::ranges::move(runs_of_archive(file.string(), graph), std::back_inserter(runs));
      continue;
    }
    if (graph.inputs().size() != 1)
      throw Failure(Errc::invalid, file.string() + " cannot be the " + std::to_string(graph.inputs().size()) +
                                       " inputs of this model: give archives (.npz) with an array for each");
    runs.push_back({input_from(file.string(), input_specs(graph).front(), normaliser)});
  }
  return thinned(std::move(runs), most);
}

}  // namespace dormouse::daemon
