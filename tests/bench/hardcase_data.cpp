#include "tests/bench/hardcase_data.h"

#include <algorithm>

#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {
namespace {

using learning::Dataset;

constexpr std::size_t kClasses = 10;
const std::vector<std::string> kNames{"top",    "trouser", "pullover", "dress", "coat",
                                      "sandal", "shirt",   "sneaker",  "bag",   "boot"};

/// The first `count` images of each of these classes that come behind the first `skipped`.
Dataset images(const Examples& from, const std::vector<std::size_t>& classes, std::size_t skipped,
               std::size_t count) {
  Dataset data;
  for (const std::size_t c : classes) data.labels.push_back(kNames[c]);
  std::vector<std::size_t> seen(kClasses);
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto which = std::ranges::find(classes, std::size_t{from.classes[i]});
    if (which == classes.end()) continue;
    const std::size_t before = seen[from.classes[i]]++;
    if (before < skipped || before >= skipped + count) continue;
    const engine::Tensor image = from.inputs.rows(std::int64_t(i), 1);
    engine::Tensor clip(engine::DType::f32, {std::int64_t(from.width()), 1});
    std::ranges::transform(image.values<std::uint8_t>(), clip.mutable_values<float>().begin(),
                           [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0f; });
    data.clips.push_back(std::move(clip));
    data.classes.push_back(static_cast<learning::ClassIndex>(which - classes.begin()));
    data.names.push_back("image " + std::to_string(i));
  }
  return data;
}

}  // namespace

HardCase fashion(const std::filesystem::path& folder, const ImageCounts& counts) {
  const DataSet all = prepare_images(folder);
  const std::vector<std::size_t> known{0, 2, 4, 6, 8}, taught{1, 3, 5, 7, 9};
  std::vector<std::size_t> both = known;
  both.insert(both.end(), taught.begin(), taught.end());
  return {images(all.train, known, 0, counts.base), images(all.train, taught, 0, counts.teach),
          images(all.test, both, 0, counts.test)};
}

HardCase activities(const std::filesystem::path& folder, const std::vector<std::string>& known,
                    const std::vector<std::string>& taught) {
  std::vector<std::string> both = known;
  both.insert(both.end(), taught.begin(), taught.end());
  return {learning::read_dataset(folder / "base", known), learning::read_dataset(folder / "teach", taught),
          learning::read_dataset(folder / "test", both)};
}

}  // namespace dormouse::bench
