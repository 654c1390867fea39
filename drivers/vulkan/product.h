#pragma once

#include "drivers/vulkan/recorder.h"
#include "drivers/vulkan/tile.h"

namespace dormouse::drivers::vulkan {

/// alpha · A [m × k] · B [k × n] + beta · bias, for a batch of them: strides in elements. What lies one
/// behind the other in the result is m × n each.
struct Product {
  std::uint32_t m = 0, n = 0, k = 0;
  float alpha = 1, beta = 1;
  std::uint32_t a_m = 0, a_k = 0, b_k = 0, b_n = 0, bias_m = 0, bias_n = 0;
  std::array<std::uint32_t, 3> batch{1, 1, 1}, a_batch{}, b_batch{};
  /// A node of the model, which may have it in f16; f32 else: what is only a part of one may be out of range.
  bool of_model = false;
};

/// `bias` is Recorder::nothing() where there is none. Finishes as the recorder has it.
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

/// Finishes as the recorder has it.
void add_convolution(Recorder& recorder, Convolving what, const Window& window, Slot a, Slot b, Slot bias,
                     Slot out);

/// A product of either kind before it is cut: the call that all cuts begin with, and what it is.
struct Uncut {
  Call call;  ///< of one of the shaders for products, specialised but for its tile, with A, B and bias for
              ///< slots
  std::uint32_t m = 0, n = 0, k = 0, batch = 1;
  std::uint32_t size = 0;  ///< elements of the result
  float alpha = 1, beta = 1;
  std::vector<std::uint32_t> strides = {};  ///< pushed behind all else
  Finish finish = {};
};

/// The tile where nothing was measured.
Tile usual_tile(const Uncut& product);
/// Into how many parts the sum falls; `enough` groups keep the device busy.
std::uint32_t splits_of(const Uncut& product, const Tile& tile, std::uint32_t enough);
/// The product's call or two. `parts` holds the result as often as the sum has parts; of one part it is
/// `out`.
std::vector<Call> cut(const Uncut& product, const Tile& tile, std::uint32_t enough, Slot parts, Slot out);

}  // namespace dormouse::drivers::vulkan
