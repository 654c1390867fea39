#include "learning/exemplars.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

namespace dormouse::learning {
namespace {

constexpr std::size_t kKeyBytes = sizeof(float);

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i] - b[i]} * double{a[i] - b[i]};
  return sum;
}

}  // namespace

ExemplarMemory::ExemplarMemory(std::size_t width, ExemplarOptions options)
    : width_(width), options_(std::move(options)), packer_(width, options_.packing), random_(options_.seed) {
  ensure(options_.label_bytes == 1 || options_.label_bytes == 2, "a label takes one or two bytes");
  if (capacity() == 0)
    throw Failure(Errc::invalid, "a memory of " + std::to_string(options_.budget_bytes) +
                                     " bytes holds no exemplar of " + std::to_string(item_bytes()));
}

std::size_t ExemplarMemory::item_bytes() const {
  return packer_.bytes() + options_.label_bytes + 2 * options_.logits +
         (options_.selection == Selection::prioritised ? kKeyBytes : 0);
}

bool ExemplarMemory::offer(std::span<const float> values, ClassIndex label, std::span<const float> logits,
                           float importance) {
  const auto finite = [](float x) { return std::isfinite(x); };
  if (values.size() != width_ || !std::ranges::all_of(values, finite))
    throw Failure(Errc::invalid, "an exemplar is " + std::to_string(width_) + " finite values");
  if (label >= (ClassIndex{1} << (8 * options_.label_bytes)))
    throw Failure(Errc::invalid, "class " + std::to_string(label) + " does not fit a label of " +
                                     std::to_string(options_.label_bytes) + " bytes");
  if (logits.size() < options_.logits || !std::ranges::all_of(logits, finite))
    throw Failure(Errc::invalid, "an exemplar needs " + std::to_string(options_.logits) + " finite logits");
  if (options_.distinct && holds(values, label)) return true;
  if (label >= classes_.size()) classes_.resize(label + 1);
  ++offered_;
  ++classes_[label].offered;
  const auto slot = slot_for(values, label, importance);
  if (!slot) return false;
  put(*slot, values, label, logits);
  return true;
}

void ExemplarMemory::offer(const LabelledLatents& examples) {
  for (std::size_t i = 0; i < examples.size(); ++i) offer(examples.row(i), examples.classes[i]);
}

bool ExemplarMemory::holds(std::span<const float> values, ClassIndex label) const {
  const std::size_t bytes = packer_.bytes();
  std::vector<std::byte> packed(bytes);
  packer_.pack(values, packed);
  for (std::size_t i = 0; i < size(); ++i)
    if (labels_[i] == label && std::memcmp(packed_.data() + i * bytes, packed.data(), bytes) == 0)
      return true;
  return false;
}

std::optional<std::size_t> ExemplarMemory::slot_for(std::span<const float> values, ClassIndex label,
                                                    float importance) {
  switch (options_.selection) {
    case Selection::reservoir: {
      if (size() < capacity()) return size();
      const std::size_t drawn = random_.below(static_cast<std::size_t>(offered_));
      return drawn < capacity() ? std::optional(drawn) : std::nullopt;
    }
    case Selection::balanced:
      return balanced_slot(label);
    case Selection::prioritised:
      return prioritised_slot(importance);
    case Selection::diverse:
      if (const auto near = resembling(values, label)) return near;
      return balanced_slot(label);
    case Selection::greedy:
      return greedy_slot(label);
  }
  return std::nullopt;
}

std::optional<std::size_t> ExemplarMemory::balanced_slot(ClassIndex label) {
  if (size() < capacity()) return size();
  const std::vector<ClassIndex> most = largest();
  for (const ClassIndex c : most) classes_[c].full = true;
  if (!classes_[label].full) return any_of(most[random_.below(most.size())]);
  const std::size_t held = counts()[label];
  if (random_.uniform() * classes_[label].offered >= static_cast<double>(held)) return std::nullopt;
  return any_of(label);
}

std::optional<std::size_t> ExemplarMemory::prioritised_slot(float importance) {
  const double weight = std::pow(std::max(double{importance}, 1e-12), options_.alpha);
  key_ = static_cast<float>(std::log(1 - random_.uniform()) / weight);
  if (size() < capacity()) return size();
  const auto least = std::ranges::min_element(keys_);
  if (key_ <= *least) return std::nullopt;
  return static_cast<std::size_t>(least - keys_.begin());
}

std::optional<std::size_t> ExemplarMemory::greedy_slot(ClassIndex label) {
  if (size() < capacity()) return size();
  const std::vector<ClassIndex> most = largest();
  if (std::ranges::find(most, label) != most.end()) return std::nullopt;
  return any_of(most[random_.below(most.size())]);
}

/// The exemplar of this class that the example nearly repeats; keeps the class's typical distance.
std::optional<std::size_t> ExemplarMemory::resembling(std::span<const float> values, ClassIndex label) {
  double nearest = std::numeric_limits<double>::infinity();
  std::size_t slot = 0;
  std::vector<float> held(width_);
  for (std::size_t i = 0; i < size(); ++i) {
    if (labels_[i] != label) continue;
    packer_.unpack(std::span(packed_).subspan(i * packer_.bytes(), packer_.bytes()), held);
    if (const double distance = squared_distance(values, held); distance < nearest)
      nearest = distance, slot = i;
  }
  if (std::isinf(nearest)) return std::nullopt;
  ClassRecord& record = classes_[label];
  const double distance = std::sqrt(nearest);
  const bool near = record.measured > 0 && distance < options_.near * record.distance / record.measured;
  record.distance += distance;
  ++record.measured;
  return near ? std::optional(slot) : std::nullopt;
}

std::size_t ExemplarMemory::any_of(ClassIndex label) {
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < size(); ++i)
    if (labels_[i] == label) slots.push_back(i);
  return slots[random_.below(slots.size())];
}

std::vector<std::size_t> ExemplarMemory::counts() const {
  std::vector<std::size_t> count(classes_.size());
  for (const ClassIndex label : labels_) ++count[label];
  return count;
}

std::vector<ClassIndex> ExemplarMemory::largest() const {
  const std::vector<std::size_t> count = counts();
  const std::size_t most = std::ranges::max(count);
  std::vector<ClassIndex> classes;
  for (std::size_t c = 0; c < count.size(); ++c)
    if (count[c] == most) classes.push_back(static_cast<ClassIndex>(c));
  return classes;
}

void ExemplarMemory::put(std::size_t slot, std::span<const float> values, ClassIndex label,
                         std::span<const float> logits) {
  if (slot == size()) {
    labels_.push_back(label);
    packed_.resize(packed_.size() + packer_.bytes());
    logits_.resize(logits_.size() + options_.logits);
    if (options_.selection == Selection::prioritised) keys_.push_back(key_);
  }
  labels_[slot] = label;
  if (!keys_.empty()) keys_[slot] = key_;
  packer_.pack(values, std::span(packed_).subspan(slot * packer_.bytes(), packer_.bytes()));
  for (std::size_t i = 0; i < options_.logits; ++i)
    logits_[slot * options_.logits + i] = engine::to_half(std::clamp(logits[i], -65504.0f, 65504.0f)).bits;
}

std::size_t ExemplarMemory::forget(ClassIndex label) {
  std::size_t gone = 0;
  for (std::size_t i = size(); i-- > 0;)
    if (labels_[i] == label) drop(i), ++gone;
  if (label < classes_.size()) {
    offered_ -= classes_[label].offered;
    classes_[label] = {};
  }
  return gone;
}

/// The last one moves into the gap, and its own bytes are overwritten.
void ExemplarMemory::drop(std::size_t slot) {
  const auto move_last = [slot](auto& values, std::size_t width) {
    const auto last = values.end() - std::ptrdiff_t(width);
    std::copy(last, values.end(), values.begin() + std::ptrdiff_t(slot * width));
    std::fill(last, values.end(), typename std::decay_t<decltype(values)>::value_type{});
    values.resize(values.size() - width);
  };
  move_last(packed_, packer_.bytes());
  move_last(logits_, options_.logits);
  move_last(labels_, 1);
  if (!keys_.empty()) move_last(keys_, 1);
}

LabelledLatents ExemplarMemory::gather(std::span<const std::size_t> rows) const {
  LabelledLatents out{Tensor(engine::DType::f32, Shape{std::int64_t(rows.size()), std::int64_t(width_)}), {}};
  out.classes.reserve(rows.size());
  const auto values = out.latents.mutable_values<float>();
  for (const std::size_t row : rows) {
    packer_.unpack(std::span(packed_).subspan(row * packer_.bytes(), packer_.bytes()),
                   values.subspan(out.classes.size() * width_, width_));
    out.classes.push_back(labels_[row]);
  }
  return out;
}

LabelledLatents ExemplarMemory::all() const {
  std::vector<std::size_t> rows(size());
  std::iota(rows.begin(), rows.end(), 0);
  return gather(rows);
}

Tensor ExemplarMemory::logits(std::span<const std::size_t> rows) const {
  Tensor out(engine::DType::f32, Shape{std::int64_t(rows.size()), std::int64_t(options_.logits)});
  auto to = out.mutable_values<float>().begin();
  for (const std::size_t row : rows)
    for (std::size_t i = 0; i < options_.logits; ++i)
      *to++ = engine::to_float(engine::Half{logits_[row * options_.logits + i]});
  return out;
}

// Floyd's algorithm would save nothing here: a partial shuffle of the indices is plain and as exact.
std::vector<std::size_t> ExemplarMemory::draw(std::size_t count) {
  std::vector<std::size_t> rows(size());
  std::iota(rows.begin(), rows.end(), 0);
  count = std::min(count, rows.size());
  for (std::size_t i = 0; i < count; ++i) std::swap(rows[i], rows[i + random_.below(rows.size() - i)]);
  rows.resize(count);
  return rows;
}

std::vector<std::size_t> ExemplarMemory::draw_balanced(std::size_t count) {
  std::vector<std::vector<std::size_t>> pools(classes_.size());
  for (std::size_t i = 0; i < size(); ++i) pools[labels_[i]].push_back(i);
  std::erase_if(pools, [](const auto& pool) { return pool.empty(); });
  std::vector<std::size_t> rows;
  if (pools.empty()) return rows;
  random_.shuffle(pools);
  for (auto& pool : pools) random_.shuffle(pool);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& pool = pools[i % pools.size()];
    rows.push_back(pool[i / pools.size() % pool.size()]);
  }
  return rows;
}

}  // namespace dormouse::learning
