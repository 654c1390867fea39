#include "drivers/vulkan/product.h"

#include <algorithm>

namespace dormouse::drivers::vulkan {
namespace {

constexpr std::uint32_t kTileK = 16;
constexpr std::uint32_t kEnoughTiles = 128;  // of the larger kind, for it to pay

std::uint32_t divided_up(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

/// How a product is cut: tiles of the result, and splits of the sum where there are few tiles.
struct Cut {
  std::uint32_t tile, splits, chunk;

  /// `enough` groups keep the device busy.
  Cut(std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t batch, std::uint32_t enough) {
    const auto tiles = [&](std::uint32_t size) { return divided_up(m, size) * divided_up(n, size) * batch; };
    tile = std::min(m, n) > 32 && tiles(64) >= kEnoughTiles ? 64 : 32;
    const std::uint32_t wanted = std::clamp(2 * enough / std::max(tiles(tile), 1u), 1u, 64u);
    splits = std::clamp(k / 64, 1u, wanted);
    chunk = divided_up(divided_up(k, splits), kTileK) * kTileK;
    splits = divided_up(k, chunk);
  }
};

/// Adds `call`, whose shape is known so far by its mode; `size` elements are the result.
void add_cut(Recorder& recorder, Call call, const Cut& cut, std::uint32_t m, std::uint32_t n,
             std::uint32_t batch, std::uint32_t size, Slot out) {
  const Slot parts = cut.splits > 1 ? recorder.temporary(std::size_t{4} * size * cut.splits) : out;
  call.shader = Shader::product;
  call.constants[0] = cut.tile * cut.tile / 16;
  call.constants[2] = call.constants[3] = cut.tile;
  call.constants[4] = kTileK;
  call.slots.push_back(parts);
  call.first_written = 3;
  call.groups = {divided_up(n, cut.tile), divided_up(m, cut.tile), batch * cut.splits};
  recorder.add(std::move(call));
  if (cut.splits > 1) add_parts(recorder, parts, cut.splits, size, out);
}

}  // namespace

void add_product(Recorder& recorder, const Product& p, Slot a, Slot b, Slot bias, Slot out) {
  const std::uint32_t batch = p.batch[0] * p.batch[1] * p.batch[2], size = batch * p.m * p.n;
  const Cut cut(p.m, p.n, p.k, batch, recorder.device().enough_groups());
  const bool biased = bias != recorder.nothing();
  const std::uint32_t flags =
      (p.a_k == 1 ? 1u : 0u) | (p.b_k == 1 && p.b_n != 1 ? 2u : 0u) | (biased ? 4u : 0u);
  Call call{.shader = Shader::product, .constants = {0, 0, 0, 0, 0, flags}, .slots = {a, b, bias}};
  call.constants.resize(21, 1);
  call.push.add(p.m).add(p.n).add(p.k).add(cut.chunk).add(cut.splits).add(p.alpha).add(p.beta).add(size);
  call.push.add(p.a_m).add(p.a_k).add(p.b_k).add(p.b_n).add(p.bias_m).add(p.bias_n);
  call.push.add(p.batch[1]).add(p.batch[2]);
  for (const auto& strides : {p.a_batch, p.b_batch})
    for (const std::uint32_t stride : strides) call.push.add(stride);
  add_cut(recorder, std::move(call), cut, p.m, p.n, batch, size, out);
}

void add_convolution(Recorder& recorder, Convolving what, const Window& w, Slot a, Slot b, Slot bias,
                     Slot out) {
  const std::uint32_t taps = w.kh * w.kw, plane = w.oh * w.ow;
  std::uint32_t m = w.m, n = w.images * plane, k = w.c * taps, size = w.images * w.groups * w.m * plane;
  if (what == Convolving::to_input)
    m = w.c, n = w.images * w.h * w.w, k = w.m * taps, size = w.images * w.groups * w.c * w.h * w.w;
  if (what == Convolving::to_weight) n = w.c * taps, k = w.images * plane, size = w.groups * w.m * w.c * taps;
  const Cut cut(m, n, k, w.groups, recorder.device().enough_groups());
  const bool biased = bias != recorder.nothing();
  const std::uint32_t along = what == Convolving::to_weight ? 3 : what == Convolving::forward ? 1 : 0;
  const auto sign = [](std::int32_t value) { return static_cast<std::uint32_t>(value); };
  Call call{.shader = Shader::product,
            .constants = {0,          static_cast<std::uint32_t>(what),
                          0,          0,
                          0,          along | (biased ? 4u : 0u),
                          w.c,        w.h,
                          w.w,        w.m,
                          w.oh,       w.ow,
                          w.kh,       w.kw,
                          sign(w.sh), sign(w.sw),
                          sign(w.dh), sign(w.dw),
                          sign(w.ph), sign(w.pw),
                          w.groups},
            .slots = {a, b, bias}};
  call.push.add(m).add(n).add(k).add(cut.chunk).add(cut.splits).add(1.0f).add(1.0f).add(size);
  add_cut(recorder, std::move(call), cut, m, n, w.groups, size, out);
}

}  // namespace dormouse::drivers::vulkan
