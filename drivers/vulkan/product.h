#pragma once

#include "drivers/vulkan/recorder.h"

namespace dormouse::drivers::vulkan {

/// alpha · A [m × k] · B [k × n] + beta · bias, for a batch of them: strides in elements. What lies one
/// behind the other in the result is m × n each.
struct Product {
  std::uint32_t m = 0, n = 0, k = 0;
  float alpha = 1, beta = 1;
  std::uint32_t a_m = 0, a_k = 0, b_k = 0, b_n = 0, bias_m = 0, bias_n = 0;
  std::array<std::uint32_t, 3> batch{1, 1, 1}, a_batch{}, b_batch{};
};

/// `bias` is Recorder::nothing() where there is none.
void add_product(Recorder& recorder, const Product& product, Slot a, Slot b, Slot bias, Slot out);

enum class Convolving : std::uint8_t { forward = 1, to_input = 2, to_weight = 3 };

/// As shaders/product.comp has it: a signal is an image of height 1.
struct Window {
  std::uint32_t images, groups;
  std::uint32_t c, h, w;  ///< of a group's input
  std::uint32_t m, oh, ow;
  std::uint32_t kh, kw;
  std::int32_t sh, sw, dh, dw, ph, pw;
};

void add_convolution(Recorder& recorder, Convolving what, const Window& window, Slot a, Slot b, Slot bias,
                     Slot out);

/// out[i] = Σ of so many parts, each `elements` long, one behind the other.
void add_parts(Recorder& recorder, Slot parts, std::uint32_t count, std::uint32_t elements, Slot out);

}  // namespace dormouse::drivers::vulkan
