#include <complex>

#include "engine/kernels/fourier.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// STFT(signal [batch, length, 1 or 2], frame_step, window?, frame_length?): the Fourier transforms of the
/// signal's windowed frames, [batch, frames, bins, 2].
namespace dormouse::engine {
namespace {

struct Frames {
  std::int64_t step, length;
};

// The scalar input `i`; nothing while it is not known.
std::optional<std::int64_t> positive(const InferContext& context, std::size_t i, std::string_view what) {
  const Tensor* const tensor = context.constant(i);
  if (tensor == nullptr) return std::nullopt;
  context.require(tensor->elements() == 1, what);
  const std::int64_t value = integer_values(context, *tensor)[0];
  context.require(value > 0, what);
  return value;
}

// The extents that frames follow from; nothing while they are not known.
std::optional<Frames> frames_of(const InferContext& context) {
  const auto step = positive(context, 1, "frame_step is not a positive scalar");
  auto length = positive(context, 3, "frame_length is not a positive scalar");
  if (!context.has_input(3) && context.has_shape(2) && context.shape(2).is_static())
    length = context.shape(2).elements();
  if (!step || !length) return std::nullopt;
  context.require(!context.has_input(2) || !context.has_shape(2) || !context.shape(2).is_static() ||
                      context.shape(2) == Shape{*length},
                  "the window is not a vector as long as a frame");
  return Frames{*step, *length};
}

void infer(InferContext& context) {
  const DType type = context.dtype(0);
  const bool onesided = context.attributes().integer("onesided", 1) != 0;
  context.require(!context.has_input(2) || context.dtype(2) == type,
                  "the window differs from the signal in type");
  context.require(context.has_input(2) || context.has_input(3), "a window or frame_length is needed");
  const std::optional<Frames> frames = frames_of(context);
  if (!context.has_shape(0) || !context.shape(0).is_static() || !frames) return context.set_output(0, type);
  const Shape& signal = context.shape(0);
  context.require(signal.rank() == 3 && (signal[2] == 1 || signal[2] == 2),
                  "expects [batch, length, 1 or 2]");
  context.require(!onesided || signal[2] == 1, "complex signals have two sides");
  context.require(frames->length > 0 && frames->length <= signal[1], "a frame is longer than the signal");
  const std::int64_t bins = onesided ? frames->length / 2 + 1 : frames->length;
  set_checked_output(context, 0, type, {signal[0], (signal[1] - frames->length) / frames->step + 1, bins, 2});
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape &signal = context.shape(0), &out = context.output_shape(0);
  const std::int64_t step = integer_values(context.inputs[1])[0], parts = signal[2];
  const std::int64_t length =
      context.has_input(3) ? integer_values(context.inputs[3])[0] : context.shape(2).elements();
  std::vector<std::complex<double>> frame(static_cast<std::size_t>(length));
  T* y = context.out<T>(0).data();
  for (std::int64_t b = 0; b < out[0]; ++b) {
    for (std::int64_t f = 0; f < out[1]; ++f) {
      const T* const x = context.in<T>(0).data() + (b * signal[1] + f * step) * parts;
      for (std::int64_t n = 0; n < length; ++n) {
        const std::size_t i = static_cast<std::size_t>(n);
        const double weight = context.has_input(2) ? static_cast<double>(context.in<T>(2)[i]) : 1;
        frame[i] = {weight * static_cast<double>(x[n * parts]),
                    parts == 2 ? weight * static_cast<double>(x[n * parts + 1]) : 0};
      }
      fourier(frame, false);
      for (std::size_t k = 0; k < static_cast<std::size_t>(out[2]); ++k) {
        *y++ = static_cast<T>(frame[k].real());
        *y++ = static_cast<T>(frame[k].imag());
      }
    }
  }
}

Tensor number(std::int64_t value) { return Tensor::scalar(value); }

}  // namespace

namespace ops {
extern const Op stft{
    .name = "STFT",
    .since = 17,
    .min_inputs = 2,
    .max_inputs = 4,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .samples = {{.shapes = {{2, 20, 1}, {}, {8}}, .fixed = {{1, number(4)}}},
                {.shapes = {{1, 9, 2}, {}, {4}, {}},
                 .attributes = {{"onesided", std::int64_t{0}}},
                 .fixed = {{1, number(3)}, {3, number(4)}}}}};
}  // namespace ops

}  // namespace dormouse::engine
