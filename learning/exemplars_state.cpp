#include <algorithm>
#include <array>
#include <cstring>

#include "learning/exemplars.h"
#include "learning/named_tensors.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kRecordFields = 4;

constexpr const char* kWhat = "exemplars";

void require(bool condition, const char* what) {
  if (!condition) throw Failure(Errc::corrupt, std::string(kWhat) + ": " + what);
}

}  // namespace

std::map<std::string, Tensor> ExemplarMemory::state() const {
  std::vector<double> records;
  for (const ClassRecord& record : classes_)
    records.insert(records.end(),
                   {record.offered, record.full ? 1.0 : 0.0, record.distance, record.measured});
  Tensor packed(engine::DType::u8, Shape{std::int64_t(packed_.size())});
  std::ranges::copy(packed_, packed.mutable_data());
  return {{"packed", std::move(packed)},
          {"logits", engine::row_of<std::uint16_t>(logits_)},
          {"labels", engine::row_of<std::uint32_t>(labels_)},
          {"keys", engine::row_of<float>(keys_)},
          {"classes", engine::row_of<double>(records)},
          {"random", Tensor::from<std::uint64_t>(Shape{1}, {random_.state()})}};
}

void ExemplarMemory::restore(const std::map<std::string, Tensor>& state) {
  using engine::DType;
  const auto packed = part(state, "packed", DType::u8, kWhat).values<std::uint8_t>();
  const auto logits = part(state, "logits", DType::u16, kWhat).values<std::uint16_t>();
  const auto labels = part(state, "labels", DType::u32, kWhat).values<std::uint32_t>();
  const auto keys = part(state, "keys", DType::f32, kWhat).values<float>();
  const auto records = part(state, "classes", DType::f64, kWhat).values<double>();
  const auto random = part(state, "random", DType::u64, kWhat).values<std::uint64_t>();
  const std::size_t count = labels.size();
  require(count <= capacity(), "more of them than the budget holds");
  require(packed.size() == count * packer_.bytes(), "values of another packing");
  require(logits.size() == count * options_.logits, "logits of another width");
  require(keys.size() == (options_.selection == Selection::prioritised ? count : 0),
          "keys of another selection");
  require(records.size() % kRecordFields == 0 && random.size() == 1, "a damaged record");
  require(std::ranges::all_of(labels, [&](auto c) { return c < records.size() / kRecordFields; }),
          "a label without its class");
  const auto bytes = std::as_bytes(packed);
  packed_.assign(bytes.begin(), bytes.end());
  logits_.assign(logits.begin(), logits.end());
  labels_.assign(labels.begin(), labels.end());
  keys_.assign(keys.begin(), keys.end());
  classes_.clear();
  offered_ = 0;
  for (std::size_t i = 0; i < records.size(); i += kRecordFields) {
    classes_.push_back({records[i], records[i + 1] != 0, records[i + 2], records[i + 3]});
    offered_ += records[i];
  }
  random_ = Random(random[0]);
}

}  // namespace dormouse::learning
