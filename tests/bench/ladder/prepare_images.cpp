#include "engine/formats/idx.h"
#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;

/// Bytes in IDX format as rows, compressed or not.
Tensor read_bytes(const std::filesystem::path& folder, const std::string& name) {
  const std::string path = (folder / name).string();
  const Tensor tensor = engine::read_idx(std::filesystem::exists(path + ".gz") ? path + ".gz" : path);
  const Shape& shape = tensor.shape();
  if (tensor.dtype() != DType::u8 || shape[0] == 0)
    throw Failure(Errc::corrupt, path + ": not an IDX file of bytes");
  return tensor.reshaped({shape[0], shape.elements(1, shape.rank())});
}

Examples read_part(const std::filesystem::path& folder, const std::string& part) {
  Examples examples;
  examples.inputs = read_bytes(folder, part + "-images-idx3-ubyte");
  const Tensor labels = read_bytes(folder, part + "-labels-idx1-ubyte");
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
