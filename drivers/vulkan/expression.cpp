#include "drivers/vulkan/expression.h"

#include <algorithm>
#include <cstring>

namespace dormouse::drivers::vulkan {
namespace {

// As in shaders/elementwise.comp.
constexpr std::size_t kInputs = 6, kNumbers = 12, kSteps = 24, kOutputs = 3, kWords = 31;
// Terms by kind while there may be more of them than registers.
constexpr std::uint32_t kNumber = 1000, kStep = 2000;
// How an input is read.
constexpr std::uint32_t kInOrder = 1, kOneElement = 2, kStrided = 3;

std::uint32_t register_of(Term term) {
  const auto index = static_cast<std::uint32_t>(term.index);
  if (index >= kStep) return index - kStep + static_cast<std::uint32_t>(kInputs + kNumbers);
  return index >= kNumber ? index - kNumber + static_cast<std::uint32_t>(kInputs) : index;
}

/// Strides of a value that broadcasts to `shape`, along the axes of that.
std::vector<std::uint32_t> strides_in(const engine::Shape& value, const engine::Shape& shape) {
  std::vector<std::uint32_t> result(shape.rank(), 0);
  std::uint32_t stride = 1;
  for (std::size_t i = value.rank(); i-- > 0;) {
    if (value[i] != 1) result[i + shape.rank() - value.rank()] = stride;
    stride *= static_cast<std::uint32_t>(value[i]);
  }
  return result;
}

}  // namespace

std::size_t Expression::Reading::strided() const {
  return static_cast<std::size_t>(std::ranges::count(modes, kStrided));
}

Term Expression::in(engine::ValueId value) { return in(value, graph_->value(value).shape); }

Term Expression::in(engine::ValueId value, const engine::Shape& shape) {
  for (const Definition& definition : defined_)
    if (definition.value == value) return definition.term;
  const engine::ValueInfo& info = graph_->value(value);
  if (info.constant && info.shape.elements() == 1) {
    if (info.dtype == engine::DType::f32) return number(info.constant->values<float>()[0]);
    if (info.dtype == engine::DType::boolean)
      return number(*info.constant->data() != std::byte{0} ? 1.0f : 0.0f);
  }
  return add_input({value, 0, shape});
}

Term Expression::in(Slot slot, const engine::Shape& shape) { return add_input({std::nullopt, slot, shape}); }

Term Expression::add_input(Input input) {
  const auto found = std::ranges::find(inputs_, input);
  const auto index = static_cast<std::uint32_t>(found - inputs_.begin());
  if (found == inputs_.end()) inputs_.push_back(std::move(input));
  return {index};
}

Term Expression::number(float value) {
  const auto same = [&](float other) { return std::memcmp(&other, &value, 4) == 0; };
  const auto found = std::ranges::find_if(numbers_, same);
  const auto index = static_cast<std::uint32_t>(found - numbers_.begin());
  if (found == numbers_.end()) numbers_.push_back(value);
  return {kNumber + index};
}

Term Expression::step(Code code, Term a, Term b, Term c) {
  steps_.push_back({code, {a, b, c}});
  return {kStep + static_cast<std::uint32_t>(steps_.size() - 1)};
}

void Expression::define(engine::ValueId value, Term term) {
  defined_.push_back({value, 0, term.index < kStep ? step(Code::copy, term) : term});
}

void Expression::define(Slot slot, Term term) {
  defined_.push_back({std::nullopt, slot, term.index < kStep ? step(Code::copy, term) : term});
}

Expression::Reading Expression::reading() const {
  std::vector<std::vector<std::uint32_t>> strides;
  for (const Input& input : inputs_) strides.push_back(strides_in(input.shape, shape_));
  Reading result{{}, std::vector<std::vector<std::uint32_t>>(inputs_.size()), {}};
  for (std::size_t d = 0; d < shape_.rank(); ++d) {
    const auto extent = static_cast<std::uint32_t>(shape_[d]);
    if (extent == 1) continue;
    bool joins = !result.extents.empty();
    for (std::size_t i = 0; joins && i < strides.size(); ++i)
      joins = result.strides[i].back() == strides[i][d] * extent;
    if (joins) result.extents.back() *= extent;
    if (!joins) result.extents.push_back(extent);
    for (std::size_t i = 0; i < strides.size(); ++i) {
      if (joins) result.strides[i].back() = strides[i][d];
      if (!joins) result.strides[i].push_back(strides[i][d]);
    }
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const bool one = std::ranges::all_of(result.strides[i], [](std::uint32_t stride) { return stride == 0; });
    const bool in_order = inputs_[i].shape.elements() == shape_.elements();
    result.modes.push_back(in_order ? kInOrder : one ? kOneElement : kStrided);
  }
  return result;
}

bool Expression::within_limits(std::size_t outputs) const {
  if (inputs_.size() > kInputs || numbers_.size() > kNumbers || steps_.size() > kSteps || outputs > kOutputs)
    return false;
  const Reading read = reading();
  const std::size_t strided = read.strided();
  return numbers_.size() + (strided > 0 ? (1 + strided) * read.extents.size() : 0) <= kWords;
}

void Expression::emit_definitions(Recorder& recorder, const std::vector<Definition>& definitions) const {
  ensure(within_limits(definitions.size()), "an expression is one dispatch");
  const Reading read = reading();
  const bool strided = read.strided() > 0;
  const auto elements = static_cast<std::size_t>(shape_.elements());
  Call call{.shader = steps_.size() <= 1   ? Shader::elementwise1
                      : steps_.size() <= 4 ? Shader::elementwise4
                                           : Shader::elementwise24,
            .slots = std::vector<Slot>(kInputs + kOutputs, recorder.nothing()),
            .first_written = kInputs,
            .groups = groups_for(elements, kThreads)};
  std::uint32_t modes = 0, outputs = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    modes |= read.modes[i] << 2 * i;
    call.slots[i] = inputs_[i].value ? recorder.read(*inputs_[i].value) : inputs_[i].slot;
  }
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    outputs |= register_of(definitions[i].term) << 8 * i;
    call.slots[kInputs + i] =
        definitions[i].value ? recorder.write(*definitions[i].value) : definitions[i].slot;
  }
  call.constants = {kThreads,
                    strided ? static_cast<std::uint32_t>(read.extents.size()) : 0,
                    modes,
                    outputs,
                    static_cast<std::uint32_t>(numbers_.size()),
                    static_cast<std::uint32_t>(steps_.size())};
  for (const Step& step : steps_)
    call.constants.push_back(static_cast<std::uint32_t>(step.code) | register_of(step.operands[0]) << 8 |
                             register_of(step.operands[1]) << 16 | register_of(step.operands[2]) << 24);
  call.constants.resize(6 + kSteps);
  call.push.add(static_cast<std::uint32_t>(elements));
  for (const float number : numbers_) call.push.add(number);
  if (strided) {
    for (const std::uint32_t extent : read.extents) call.push.add(extent);
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (read.modes[i] == kStrided)
        for (const std::uint32_t stride : read.strides[i]) call.push.add(stride);
  }
  recorder.add(std::move(call));
}

}  // namespace dormouse::drivers::vulkan
