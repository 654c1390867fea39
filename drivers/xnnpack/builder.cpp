#include "drivers/xnnpack/builder.h"

#include <xnnpack.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/heap_buffer.h"
#include "engine/on_demand.h"

namespace dormouse::drivers::xnnpack {

using engine::Shape;
using engine::Tensor;
using engine::ValueId;

static_assert(kNoId == XNN_INVALID_VALUE_ID);
static_assert(engine::kReadSlack >= XNN_EXTRA_BYTES);

namespace {

/// Vector kernels read beyond their operands; a mapped file may end right behind one.
Tensor with_slack(const Tensor& tensor) {
  const engine::Buffer& buffer = *tensor.buffer();
  const auto end = static_cast<std::size_t>(tensor.address() - buffer.address()) + tensor.byte_size();
  return buffer.readable() - end >= XNN_EXTRA_BYTES ? tensor : tensor.clone();
}

Extents unchanged(std::size_t rank) {
  Extents permutation(rank);
  std::iota(permutation.begin(), permutation.end(), std::size_t{0});
  return permutation;
}

}  // namespace

void check(int status, std::string_view what) {
  if (status != xnn_status_success)
    throw Failure(Errc::internal,
                  "XNNPACK refused " + std::string(what) + " (status " + std::to_string(status) + ")");
}

Builder::Builder(const engine::Partition& partition, WeightsUse& weights, bool halves)
    : partition_(partition), weights_(weights), halves_(halves) {
  for (std::size_t i = 0; i < partition.inputs.size(); ++i) inputs_[partition.inputs[i]] = i;
  for (std::size_t i = 0; i < partition.outputs.size(); ++i) outputs_[partition.outputs[i]] = i;
  // An input may be seen as rows and as an image.
  const std::size_t borders = 2 * partition.inputs.size() + partition.outputs.size();
  check(xnn_create_subgraph(static_cast<std::uint32_t>(borders), 0, &subgraph_), "a subgraph");
}

Builder::~Builder() { xnn_delete_subgraph(subgraph_); }

Layout Builder::canonical(ValueId value, Layout layout) const {
  const bool same = layout == Layout::channels_first && info(value).shape.rank() == 4;
  return same ? Layout::rows : layout;
}

Id& Builder::form(ValueId value, Layout layout) {
  const auto [entry, fresh] = forms_.try_emplace(value, Forms{kNoId, kNoId, kNoId});
  return entry->second[static_cast<std::size_t>(layout)];
}

Id Builder::form_or_none(ValueId value, Layout layout) const {
  const auto found = forms_.find(value);
  return found == forms_.end() ? kNoId : found->second[static_cast<std::size_t>(layout)];
}

Builder::Meaning Builder::meaning(ValueId value) {
  if (!is_quantized8(info(value).dtype)) return std::nullopt;
  const auto [entry, fresh] = meanings_.try_emplace(value);
  if (fresh) entry->second = quantization_of(graph(), value);
  ensure(entry->second.has_value(), "8-bit values of a partition stand for something");
  return entry->second;
}

Id Builder::define(const Extents& extents, const Meaning& meaning, const void* data, Id external,
                   std::uint32_t flags) {
  Id id = kNoId;
  const auto status = meaning ? xnn_define_quantized_tensor_value(
                                    subgraph_, xnn_datatype_qint8, meaning->zero_point, meaning->scale,
                                    extents.size(), extents.data(), data, external, flags, &id)
                              : xnn_define_tensor_value(subgraph_, xnn_datatype_fp32, extents.size(),
                                                        extents.data(), data, external, flags, &id);
  check(status, "a tensor");
  return id;
}

Id Builder::define_external(ValueId value, Layout layout, bool output, std::size_t index) {
  const Id id = static_cast<Id>(externals_.size());
  externals_.push_back({id, output, index, info(value).dtype == engine::DType::u8});
  return define(extents(info(value).shape, layout), meaning(value), nullptr, id,
                output ? XNN_VALUE_FLAG_EXTERNAL_OUTPUT : XNN_VALUE_FLAG_EXTERNAL_INPUT);
}

Id Builder::operand(Tensor tensor, const Extents& extents) {
  operands_.push_back(with_slack(tensor));
  return define(extents, std::nullopt, operands_.back().data(), kNoId, 0);
}

bool Builder::at_hand(ValueId value, Layout layout) const {
  if (info(value).constant) return true;
  layout = canonical(value, layout);
  return form_or_none(value, layout) != kNoId || (layout != Layout::channels_last && inputs_.contains(value));
}

Id Builder::in(ValueId value, Layout layout) {
  layout = canonical(value, layout);
  if (const Id known = form_or_none(value, layout); known != kNoId) return known;
  const engine::ValueInfo& wanted = info(value);
  Id id = kNoId;
  if (wanted.constant)
    id = layout == Layout::channels_last ? broadcast_constant(value, wanted.shape.rank(), layout)
                                         : operand(*wanted.constant, extents(wanted.shape, layout));
  else if (const auto input = inputs_.find(value); input != inputs_.end() && layout != Layout::channels_last)
    id = define_external(value, layout, false, input->second);
  else
    id = convert(value, layout);
  return form(value, layout) = id;
}

Id Builder::broadcast_constant(ValueId value, std::size_t rank, Layout layout) {
  const Tensor& constant = *info(value).constant;
  if (layout == Layout::rows) return operand(constant, extents(constant.shape(), layout));
  std::vector<std::int64_t> full(rank - constant.shape().rank(), 1);
  full.insert(full.end(), constant.shape().begin(), constant.shape().end());
  const Extents first = extents(Shape(full), Layout::channels_first);
  return layout == Layout::channels_last
             ? operand(permuted(constant, first, kToChannelsLast), extents(Shape(full), layout))
             : operand(constant, first);
}

Id Builder::convert(ValueId value, Layout to) {
  const Shape& shape = info(value).shape;
  ensure(is_image(shape), "only images have more than one layout");
  const Id last = form_or_none(value, Layout::channels_last);
  if (to == Layout::channels_last) {
    const Id from = in(value, Layout::channels_first), result = out(value, to);
    transpose(from, result, kToChannelsLast);
    return result;
  }
  if (last != kNoId && to == canonical(value, Layout::channels_first)) {
    const Id result = out(value, to);
    transpose(last, result, kToChannelsFirst);
    return result;
  }
  // A signal between ranks 3 and 4.
  const Id from = in(value, to == Layout::rows ? Layout::channels_first : Layout::rows),
           result = out(value, to);
  reshape(from, result, extents(shape, to));
  return result;
}

bool Builder::reached_border(std::size_t output) const {
  return std::ranges::any_of(externals_, [&](const External& e) { return e.output && e.index == output; });
}

Id Builder::out(ValueId value, Layout layout) {
  layout = canonical(value, layout);
  const auto output = outputs_.find(value);
  const bool border =
      layout != Layout::channels_last && output != outputs_.end() && !reached_border(output->second);
  return form(value, layout) =
             border ? define_external(value, layout, true, output->second)
                    : define(extents(info(value).shape, layout), meaning(value), nullptr, kNoId, 0);
}

Id Builder::temporary(const Extents& extents) { return define(extents, std::nullopt, nullptr, kNoId, 0); }

Id Builder::scalar(float value) { return operand(Tensor::from<float>({1}, {value}), {1}); }

Id Builder::table(Tensor values) {
  const Extents size = extents(values.shape(), Layout::rows);
  return operand(std::move(values), size);
}

Id Builder::zeros(const Extents& extents) {
  const auto [entry, fresh] = zeros_.try_emplace(extents, kNoId);
  if (!fresh) return entry->second;
  const Shape shape(std::vector<std::int64_t>(extents.begin(), extents.end()));
  const std::size_t bytes = static_cast<std::size_t>(shape.elements()) * sizeof(float);
  const Tensor tensor(engine::DType::f32, shape, engine::lasting_buffer(bytes), 0);
  operands_.push_back(tensor);  // and once more below: what two hold is nobody's own
  return entry->second = operand(tensor, extents);
}

Id Builder::weights(ValueId constant, const Extents& extents) {
  return weights(constant, extents, unchanged(extents.size()));
}

Id Builder::weights(ValueId constant, const Extents& extents, const Extents& permutation) {
  const Tensor& original = *info(constant).constant;
  const Extents order = reordered(extents, permutation);
  const bool as_it_lies = keeps_order(extents, permutation) && !engine::is_unmade(original);
  const void* const data = as_it_lies ? weights_.keep(with_slack(original), original).data()
                                      : weights_.keep_permuted(original, extents, permutation);
  return define(order, std::nullopt, data, kNoId, 0);
}

Id Builder::define_scaled(int type, const Extents& extents, const void* data, Tensor scales,
                          std::size_t axis) {
  operands_.push_back(std::move(scales));  // the runtime reads them while it is made
  Id id = kNoId;
  check(xnn_define_channelwise_quantized_tensor_value(subgraph_, static_cast<xnn_datatype>(type),
                                                      operands_.back().values<float>().data(), extents.size(),
                                                      axis, extents.data(), data, kNoId, 0, &id),
        "quantised weights");
  return id;
}

Id Builder::quantized_weights(const Tensor& filter, const Tensor& original, const Extents& from,
                              const Extents& permutation, Tensor scales, std::size_t axis,
                              std::string variant) {
  // Never as it lies: by its address alone, nodes of other scales would be taken for this one.
  const void* const data =
      filter.address() == original.address()
          ? weights_.keep_permuted(original, from, permutation, std::move(variant))
          : weights_.keep(with_slack(permuted(filter, from, permutation)), original, std::move(variant))
                .data();
  return define_scaled(xnn_datatype_qcint8, reordered(from, permutation), data, std::move(scales), axis);
}

Id Builder::quantized_bias(const Tensor& bias, Tensor scales) {
  const void* const data = weights_.keep(with_slack(bias), bias).data();
  return define_scaled(xnn_datatype_qcint32, {static_cast<std::size_t>(bias.elements())}, data,
                       std::move(scales), 0);
}

Id Builder::computed_weights(Tensor computed, const Extents& extents) {
  operands_.push_back(weights_.keep(computed, computed));
  return define(extents, std::nullopt, operands_.back().data(), kNoId, 0);
}

const engine::Node* Builder::sole_reader(ValueId value) const {
  if (outputs_.contains(value)) return nullptr;
  const engine::Node* reader = nullptr;
  for (const engine::Node& node : nodes_)
    for (const ValueId id : node.inputs) {
      if (id != value) continue;
      if (reader) return nullptr;
      reader = &node;
    }
  return reader;
}

void Builder::concatenate(std::span<const Id> from, std::span<const std::size_t> lengths, std::size_t axis,
                          Extents whole, Id to) {
  constexpr std::size_t kMost = 5;
  std::vector<Id> ids(from.begin(), from.end());
  Extents sizes(lengths.begin(), lengths.end());
  while (ids.size() > kMost) {  // the first ones become one
    whole[axis] = std::accumulate(sizes.begin(), sizes.begin() + kMost, std::size_t{0});
    const Id joined = temporary(whole);
    concatenate(std::span(ids).first(kMost), std::span(sizes).first(kMost), axis, whole, joined);
    ids.erase(ids.begin() + 1, ids.begin() + kMost);
    sizes.erase(sizes.begin() + 1, sizes.begin() + kMost);
    ids[0] = joined;
    sizes[0] = whole[axis];
  }
  const auto where = static_cast<std::int32_t>(axis);
  xnn_status status = xnn_status_invalid_parameter;
  if (ids.size() == 1) status = xnn_define_copy(subgraph_, ids[0], to, 0);
  if (ids.size() == 2) status = xnn_define_concatenate2(subgraph_, where, ids[0], ids[1], to, 0);
  if (ids.size() == 3) status = xnn_define_concatenate3(subgraph_, where, ids[0], ids[1], ids[2], to, 0);
  if (ids.size() == 4)
    status = xnn_define_concatenate4(subgraph_, where, ids[0], ids[1], ids[2], ids[3], to, 0);
  if (ids.size() == 5)
    status = xnn_define_concatenate5(subgraph_, where, ids[0], ids[1], ids[2], ids[3], ids[4], to, 0);
  check(status, "a Concat");
}

void Builder::transpose(Id from, Id to, const Extents& permutation) {
  check(xnn_define_static_transpose(subgraph_, permutation.size(), permutation.data(), from, to, 0),
        "a transpose");
}

void Builder::reshape(Id from, Id to, const Extents& extents) {
  check(xnn_define_static_reshape(subgraph_, extents.size(), extents.data(), from, to, 0), "a reshape");
}

void Builder::finish() {
  for (std::size_t i = 0; i < partition_.outputs.size(); ++i)
    if (!reached_border(i)) in(partition_.outputs[i], Layout::channels_first);
}

}  // namespace dormouse::drivers::xnnpack
