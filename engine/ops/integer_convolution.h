#pragma once

#include "engine/ops/convolution.h"
#include "engine/ops/quantization.h"

/// What ConvInteger and QLinearConv share: exact convolutions of 8-bit images and weights less their zero
/// points.
namespace dormouse::engine {

/// Which inputs are the image, the weights and their zero points.
struct IntegerConvolutionInputs {
  std::size_t x, x_zero, w, w_zero;
};

/// Zero points: one for the image; one for the weights, or one per output channel.
class IntegerConvolution {
 public:
  IntegerConvolution(const KernelContext& context, IntegerConvolutionInputs inputs)
      : conv_(context.attributes, context.shape(inputs.x), context.shape(inputs.w), context.output_shape(0)),
        inputs_(inputs) {}

  std::size_t scratch_bytes() const;

  /// Calls f(first element in the output, output channel, sums, count) for each run of sums.
  template <class F>
  void run(const KernelContext& context, F f) const {
    load_weights(context);
    const std::int32_t zero = zero_points(context, inputs_.x_zero)[0];
    conv_.for_blocks([&](std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t count) {
      if (first == 0) load_image(context, image, group, zero);
      const std::int32_t* const sums = multiply(context, group, first, count);
      for (std::int64_t row = 0; row < conv_.m; ++row)
        f(conv_.y_offset(image, group) + row * conv_.y_plane + first, group * conv_.m + row,
          sums + row * count, count);
    });
  }

 private:
  struct Arrays {
    std::int16_t *weights = nullptr, *image = nullptr, *columns = nullptr;
    std::int32_t* sums = nullptr;
    std::span<std::byte> rest = {};
  };
  Arrays arrays(const KernelContext& context) const;
  void load_weights(const KernelContext& context) const;
  void load_image(const KernelContext& context, std::int64_t image, std::int64_t group,
                  std::int32_t zero) const;
  const std::int32_t* multiply(const KernelContext& context, std::int64_t group, std::int64_t first,
                               std::int64_t count) const;

  Convolution conv_;
  IntegerConvolutionInputs inputs_;
};

/// infer() for these inputs. Returns the output's shape, nothing while it is not known.
std::optional<Shape> infer_integer_convolution(const InferContext& context, IntegerConvolutionInputs inputs);

}  // namespace dormouse::engine
