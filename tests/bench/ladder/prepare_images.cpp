#include <numeric>

#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {
namespace {

using engine::Buffer;
using engine::DType;
using engine::Shape;
using engine::Tensor;

/// A tensor of bytes in IDX format: two zeros, 8 (for bytes), the rank, each dimension as a big-endian u32,
/// the elements.
Tensor read_idx(const std::string& path) {
  const std::shared_ptr<Buffer> file = engine::map_file(path);
  const auto byte = [&](std::size_t i) {
    return i < file->size() ? std::to_integer<std::uint32_t>(file->data()[i]) : 0u;
  };
  const std::size_t rank = byte(3), header = 4 + 4 * rank;
  if (byte(0) != 0 || byte(1) != 0 || byte(2) != 8 || rank == 0 || rank > 4 || file->size() < header)
    throw Failure(Errc::corrupt, path + ": not an IDX file of bytes");
  std::size_t size = 1, first = 0;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::size_t at = 4 + 4 * axis;
    const std::size_t dimension = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (axis == 0) first = dimension;
    size *= dimension;
  }
  if (first == 0 || size != file->size() - header)
    throw Failure(Errc::corrupt, path + ": size contradicts its header");
  return {DType::u8, Shape{static_cast<std::int64_t>(first), static_cast<std::int64_t>(size / first)}, file,
          header};
}

Examples read_part(const std::filesystem::path& folder, const std::string& part) {
  Examples examples;
  examples.inputs = read_idx((folder / (part + "-images-idx3-ubyte")).string());
  const Tensor labels = read_idx((folder / (part + "-labels-idx1-ubyte")).string());
  const auto classes = labels.values<std::uint8_t>();
  if (labels.shape()[0] != examples.inputs.shape()[0])
    throw Failure(Errc::corrupt, folder.string() + ": not one label for each of the " + part + " images");
  examples.classes.assign(classes.begin(), classes.end());
  examples.groups.assign(classes.size(), 0);
  return examples;
}

}  // namespace

DataSet prepare_images(const std::filesystem::path& folder) {
  return {read_part(folder, "train"), read_part(folder, "t10k")};
}

}  // namespace dormouse::bench
