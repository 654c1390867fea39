#include "learning/seed_inputs.h"

#include <algorithm>

namespace dormouse::learning {
namespace {

constexpr Packing kPacking{.code = Packing::Code::bits8};
constexpr std::int64_t kBatch = 64;

Packer packer_of(const Shape& one) {
  return {static_cast<std::size_t>(one.elements(0, one.rank())), kPacking};
}

}  // namespace

PackedInputs::PackedInputs(Shape one) : shape_(std::move(one)) {}

PackedInputs::PackedInputs(Shape one, std::vector<std::byte> bytes, std::vector<ClassIndex> classes)
    : shape_(std::move(one)), bytes_(std::move(bytes)), classes_(std::move(classes)) {
  if (bytes_.size() != packer_of(shape_).bytes() * classes_.size())
    throw Failure(Errc::invalid, "packed inputs: " + std::to_string(bytes_.size()) + " bytes are not " +
                                     std::to_string(classes_.size()) + " inputs of shape " +
                                     to_string(shape_));
}

std::size_t PackedInputs::elements() const {
  return static_cast<std::size_t>(shape_.elements(0, shape_.rank()));
}

void PackedInputs::add(std::span<const float> values, ClassIndex label) {
  ensure(values.size() == elements(), "an input of this shape");
  const Packer packer = packer_of(shape_);
  bytes_.resize(bytes_.size() + packer.bytes());
  packer.pack(values, std::span(bytes_).last(packer.bytes()));
  classes_.push_back(label);
}

LabelledLatents PackedInputs::rows() const {
  const Packer packer = packer_of(shape_);
  LabelledLatents rows{Tensor(engine::DType::f32, Shape{std::int64_t(size()), std::int64_t(elements())}),
                       classes_};
  const auto values = rows.latents.mutable_values<float>();
  for (std::size_t i = 0; i < size(); ++i)
    packer.unpack(bytes().subspan(i * packer.bytes(), packer.bytes()),
                  values.subspan(i * elements(), elements()));
  return rows;
}

Tensor latents_of(const engine::Session& trunk, const Tensor& rows, const Shape& one) {
  const std::int64_t count = rows.shape()[0];
  std::vector<float> values;
  std::int64_t width = 0;
  for (std::int64_t first = 0; first < count; first += kBatch) {
    const std::int64_t some = std::min(kBatch, count - first);
    std::vector<std::int64_t> extents(one.begin(), one.end());
    extents[0] = some;
    const Tensor batch = rows.rows(first, some).reshaped(Shape(extents));
    const Tensor latents = trunk.run(std::span(&batch, 1)).at(0);
    width = latents.shape()[1];
    values.insert(values.end(), latents.values<float>().begin(), latents.values<float>().end());
  }
  return Tensor::from<float>(Shape{count, width}, values);
}

Seed reembedded(const Seed& shipped, const SeedInputs& inputs, const engine::Session& trunk) {
  const auto embed = [&](const PackedInputs& packed) {
    LabelledLatents rows = packed.rows();
    rows.latents = latents_of(trunk, rows.latents, packed.shape());
    return rows;
  };
  Seed seed;
  seed.labels = shipped.labels;
  seed.replay = embed(inputs.replay);
  seed.heldout = embed(inputs.heldout);
  seed.temperature = shipped.temperature;
  seed.normaliser = shipped.normaliser;
  const auto kept = rows_by_class(seed.replay, seed.labels.size());
  seed.statistics.assign(seed.labels.size(), ClassStatistics(seed.replay.width()));
  for (std::size_t c = 0; c < seed.labels.size(); ++c) {
    if (kept[c].empty())
      throw Failure(Errc::invalid, "the seed keeps no input of class '" + seed.labels[c] + "'");
    const double each = shipped.statistics[c].count / static_cast<double>(kept[c].size());
    for (const std::size_t row : kept[c]) seed.statistics[c].add(seed.replay.row(row), each);
  }
  return seed;
}

}  // namespace dormouse::learning
