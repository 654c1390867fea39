#include "learning/dataset.h"

#include <algorithm>

#include "engine/formats/all_formats.h"
#include "engine/formats/npy.h"
#include "learning/dataset_file.h"

namespace dormouse::learning {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (!it->path().filename().string().starts_with(".")) entries.push_back(it->path());
  if (error)
    throw Failure(error == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::io,
                  folder.string() + ": " + error.message());
  std::ranges::sort(entries);
  return entries;
}

class Reader {
 public:
  explicit Reader(std::vector<std::string> labels) : chosen_(!labels.empty()) {
    data_.labels = std::move(labels);
  }

  Dataset read(const fs::path& folder) {
    for (const fs::path& entry : sorted_entries(folder)) {
      if (fs::is_directory(entry))
        read_label(entry, entry.filename().string());
      else if (entry.extension() == ".npy")
        read_windows(entry, entry.stem().string());
    }
    for (std::size_t label = 0; label < data_.labels.size(); ++label)
      if (std::ranges::find(data_.classes, static_cast<ClassIndex>(label)) == data_.classes.end())
        throw Failure(Errc::invalid,
                      folder.string() + ": no clips for the label '" + data_.labels[label] + "'");
    if (data_.clips.empty())
      throw Failure(Errc::invalid,
                    folder.string() + ": no clips; expected LABEL/*.wav (or .npy, .csv) or LABEL.npy");
    return std::move(data_);
  }

 private:
  std::optional<ClassIndex> index_of(const std::string& label) {
    const auto found = std::ranges::find(data_.labels, label);
    if (found != data_.labels.end()) return static_cast<ClassIndex>(found - data_.labels.begin());
    if (chosen_) return std::nullopt;
    data_.labels.push_back(label);
    return static_cast<ClassIndex>(data_.labels.size() - 1);
  }

  void add(Tensor clip, ClassIndex label, std::string name) {
    data_.clips.push_back(std::move(clip));
    data_.classes.push_back(label);
    data_.names.push_back(std::move(name));
  }

  void read_label(const fs::path& folder, const std::string& label) {
    const auto index = index_of(label);
    if (!index) return;
    for (const fs::path& file : sorted_entries(folder))
      if (fs::is_regular_file(file)) add(engine::load_clip(file.string()).rows, *index, file.string());
  }

  void read_windows(const fs::path& file, const std::string& label) {
    const auto index = index_of(label);
    if (!index) return;
    const Tensor windows = engine::read_npy(file.string()).as(engine::DType::f32);
    if (windows.shape().rank() != 3)
      throw Failure(Errc::invalid, file.string() + ": expected [windows, time, channels], found " +
                                       engine::to_string(windows.shape()));
    const Shape window{windows.shape()[1], windows.shape()[2]};
    for (std::int64_t i = 0; i < windows.shape()[0]; ++i)
      add(windows.rows(i, 1).reshaped(window), *index, file.string() + "#" + std::to_string(i));
  }

  bool chosen_;
  Dataset data_;
};

}  // namespace

Dataset read_dataset(const fs::path& path, std::vector<std::string> labels, const DatasetColumns& columns) {
  return fs::is_directory(path) || !fs::exists(path) ? Reader(std::move(labels)).read(path)
                                                     : read_dataset_file(path, std::move(labels), columns);
}

}  // namespace dormouse::learning
