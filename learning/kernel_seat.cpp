#include "learning/kernel_seat.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "learning/kernel_fit.h"
#include "learning/named_tensors.h"

namespace dormouse::learning {
namespace {

using engine::DType;

template <class T>
std::vector<T> listed(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

KernelExamples kept(const KernelExamples& from, std::span<const std::size_t> rows) {
  const auto width = static_cast<std::size_t>(from.latents.codes.shape()[1]);
  KernelExamples to;
  std::vector<std::int8_t> codes;
  std::vector<float> scales;
  for (const std::size_t row : rows) {
    const auto code = from.latents.codes.values<std::int8_t>().subspan(row * width, width);
    codes.insert(codes.end(), code.begin(), code.end());
    scales.push_back(from.latents.scales.values<float>()[row]);
    to.classes.push_back(from.classes[row]);
    to.episodes.push_back(from.episodes[row]);
  }
  to.latents = {Tensor::from<std::int8_t>(Shape{std::int64_t(rows.size()), std::int64_t(width)}, codes),
                engine::row_of(scales)};
  return to;
}

}  // namespace

engine::KernelSeat KernelSeat::open() const {
  try {
    return {std::make_shared<engine::KernelHead>(dequantise(examples.latents), weights, sharpness), network,
            kernel};
  } catch (const Failure& failure) {
    throw Failure(Errc::corrupt, failure.error().context);
  }
}

std::vector<std::size_t> in_turn(std::span<const ClassIndex> labels, std::size_t count) {
  std::map<ClassIndex, std::vector<std::size_t>> by_class;
  for (std::size_t i = 0; i < labels.size(); ++i) by_class[labels[i]].push_back(i);
  std::vector<std::size_t> rows;
  for (std::size_t turn = 0; rows.size() < std::min(count, labels.size()); ++turn)
    for (const auto& [label, of_class] : by_class)
      if (turn < of_class.size() && rows.size() < count) rows.push_back(of_class[turn]);
  return rows;
}

std::optional<KernelSeat> without(const KernelSeat& seat, const std::function<bool(std::uint64_t)>& gone) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < seat.examples.size(); ++i)
    if (!gone(seat.examples.episodes[i])) rows.push_back(i);
  if (rows.empty()) return std::nullopt;
  KernelSeat rest{kept(seat.examples, rows), {}, 0, seat.network, seat.kernel};
  const auto classes = static_cast<std::size_t>(seat.weights.shape()[1]);
  const engine::KernelHead head =
      fit_kernel({dequantise(rest.examples.latents), rest.examples.classes}, classes);
  rest.weights = head.weights();
  rest.sharpness = head.sharpness();
  return rest;
}

engine::NamedTensors packed(const KernelSeat& seat) {
  engine::NamedTensors file;
  file.tensors.emplace("codes", seat.examples.latents.codes);
  file.tensors.emplace("scales", seat.examples.latents.scales);
  file.tensors.emplace("classes", engine::row_of(seat.examples.classes));
  file.tensors.emplace("episodes", engine::row_of(seat.examples.episodes));
  file.tensors.emplace("weights", seat.weights);
  file.tensors.emplace("seat", Tensor::from<float>(Shape{3}, {seat.sharpness, seat.network, seat.kernel}));
  seal(file);
  return file;
}

KernelSeat unpacked_seat(const engine::NamedTensors& file, const std::string& name) {
  check_seal(file, name);
  KernelSeat seat;
  seat.examples.latents = {part(file.tensors, "codes", DType::i8, name),
                           part(file.tensors, "scales", DType::f32, name)};
  seat.examples.classes = listed<ClassIndex>(part(file.tensors, "classes", DType::u32, name));
  seat.examples.episodes = listed<std::uint64_t>(part(file.tensors, "episodes", DType::u64, name));
  seat.weights = part(file.tensors, "weights", DType::f32, name);
  const auto weighed = listed<float>(part(file.tensors, "seat", DType::f32, name));
  const std::size_t rows = seat.examples.size();
  const Shape &codes = seat.examples.latents.codes.shape(), &weights = seat.weights.shape();
  const auto is = [rows](std::int64_t extent) { return extent == static_cast<std::int64_t>(rows); };
  const bool fits = weighed.size() == 3 && seat.examples.episodes.size() == rows && codes.rank() == 2 &&
                    is(codes[0]) && seat.examples.latents.scales.shape() == Shape{std::int64_t(rows)} &&
                    weights.rank() == 2 && is(weights[0]) &&
                    std::ranges::all_of(seat.examples.classes,
                                        [&](ClassIndex c) { return std::int64_t{c} < weights[1]; }) &&
                    std::ranges::all_of(weighed, [](float x) { return std::isfinite(x); });
  if (!fits) throw Failure(Errc::corrupt, name + ": its parts contradict each other");
  seat.sharpness = weighed[0], seat.network = weighed[1], seat.kernel = weighed[2];
  return seat;
}

}  // namespace dormouse::learning
