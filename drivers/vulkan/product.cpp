#include "drivers/vulkan/product.h"

#include <algorithm>

#include "drivers/vulkan/reduction.h"

namespace dormouse::drivers::vulkan {
namespace {

constexpr std::uint32_t kMostSplits = 64;
constexpr std::uint32_t kEnoughTiles = 128;  // of the larger kind, for it to pay

std::uint32_t divided_up(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

std::uint32_t groups_of(const Uncut& p, const Tile& tile) {
  return divided_up(p.m, tile.m) * divided_up(p.n, tile.n) * p.batch;
}

/// Units for matrices take sixteen along the sum at once.
Tile fitting(const Uncut& p, Tile tile) {
  if (p.call.shader == Shader::product_matrices) tile.k = std::max(tile.k, 16u);
  return tile;
}

/// What a split sums at most.
std::uint32_t chunk_of(const Uncut& p, const Tile& asked, std::uint32_t enough) {
  const Tile tile = fitting(p, asked);
  const std::uint32_t wanted =
      std::clamp(tile.spread * enough / std::max(groups_of(p, tile), 1u), 1u, kMostSplits);
  const std::uint32_t splits = std::clamp(p.k / 64, 1u, wanted);
  return divided_up(divided_up(p.k, splits), tile.k) * tile.k;
}

/// The flags of operands that are f16.
std::uint32_t halves(const Recorder& recorder, Slot a, Slot b) {
  return (recorder.slots()[a].halves ? 8u : 0u) | (recorder.slots()[b].halves ? 16u : 0u);
}

void add_cut(Recorder& recorder, const Uncut& product, Slot out) {
  const std::uint32_t enough = recorder.device().enough_groups();
  const Tile tile = recorder.tile(product);
  const std::uint32_t splits = splits_of(product, tile, enough);
  const Slot parts = splits > 1 ? recorder.temporary(std::size_t{4} * product.size * splits) : out;
  for (Call& call : cut(product, tile, enough, parts, out)) recorder.add(std::move(call));
}

}  // namespace

Tile usual_tile(const Uncut& p) {
  constexpr Tile small{}, large{64, 64};
  return std::min(p.m, p.n) > 32 && groups_of(p, large) >= kEnoughTiles ? large : small;
}

std::uint32_t splits_of(const Uncut& p, const Tile& tile, std::uint32_t enough) {
  return divided_up(p.k, chunk_of(p, tile, enough));
}

std::vector<Call> cut(const Uncut& p, const Tile& asked, std::uint32_t enough, Slot parts, Slot out) {
  const Tile tile = fitting(p, asked);
  const std::uint32_t splits = splits_of(p, tile, enough);
  const Finish now = splits > 1 ? Finish{} : p.finish;
  std::vector<Call> calls{p.call};
  Call& call = calls[0];
  call.constants.resize(24);
  call.constants[0] = tile.threads();
  call.constants[2] = tile.m;
  call.constants[3] = tile.n;
  call.constants[4] = tile.k;
  call.constants[21] = tile.rows;
  call.constants[22] = tile.columns;
  call.constants[23] = static_cast<std::uint32_t>(now.what);
  call.slots.push_back(parts);
  call.first_written = 3;
  call.groups = {divided_up(p.n, tile.n), divided_up(p.m, tile.m), p.batch * splits};
  call.push.add(p.m).add(p.n).add(p.k).add(chunk_of(p, tile, enough)).add(splits);
  call.push.add(p.alpha).add(p.beta).add(p.size).add(now.a).add(now.b);
  for (const std::uint32_t stride : p.strides) call.push.add(stride);
  if (splits > 1) calls.push_back(parts_call(parts, splits, p.size, out, p.finish));
  return calls;
}

void add_product(Recorder& recorder, const Product& p, Slot a, Slot b, Slot bias, Slot out) {
  const std::uint32_t batch = p.batch[0] * p.batch[1] * p.batch[2];
  const bool biased = bias != recorder.nothing();
  const std::uint32_t flags = (p.a_k == 1 ? 1u : 0u) | (p.b_k == 1 && p.b_n != 1 ? 2u : 0u) |
                              (biased ? 4u : 0u) | halves(recorder, a, b);
  Uncut uncut{.call = {.shader = p.of_model ? recorder.product() : Shader::product,
                       .constants = {0, 0, 0, 0, 0, flags},
                       .slots = {a, b, bias}},
              .m = p.m,
              .n = p.n,
              .k = p.k,
              .batch = batch,
              .size = batch * p.m * p.n,
              .alpha = p.alpha,
              .beta = p.beta,
              .strides = {p.a_m, p.a_k, p.b_k, p.b_n, p.bias_m, p.bias_n, p.batch[1], p.batch[2]},
              .finish = recorder.finish()};
  uncut.call.constants.resize(21, 1);
  for (const auto& strides : {p.a_batch, p.b_batch})
    uncut.strides.insert(uncut.strides.end(), strides.begin(), strides.end());
  add_cut(recorder, uncut, out);
}

void add_convolution(Recorder& recorder, Convolving what, const Window& w, Slot a, Slot b, Slot bias,
                     Slot out) {
  const std::uint32_t taps = w.kh * w.kw, plane = w.oh * w.ow;
  std::uint32_t m = w.m, n = w.images * plane, k = w.c * taps, size = w.images * w.groups * w.m * plane;
  if (what == Convolving::to_input)
    m = w.c, n = w.images * w.h * w.w, k = w.m * taps, size = w.images * w.groups * w.c * w.h * w.w;
  if (what == Convolving::to_weight) n = w.c * taps, k = w.images * plane, size = w.groups * w.m * w.c * taps;
  const bool biased = bias != recorder.nothing();
  const std::uint32_t along = what == Convolving::to_weight ? 3 : what == Convolving::forward ? 1 : 0;
  const auto sign = [](std::int32_t value) { return static_cast<std::uint32_t>(value); };
  Uncut uncut{.call = {.shader = recorder.product(),
                       .constants = {0,          static_cast<std::uint32_t>(what),
                                     0,          0,
                                     0,          along | (biased ? 4u : 0u) | halves(recorder, a, b),
                                     w.c,        w.h,
                                     w.w,        w.m,
                                     w.oh,       w.ow,
                                     w.kh,       w.kw,
                                     sign(w.sh), sign(w.sw),
                                     sign(w.dh), sign(w.dw),
                                     sign(w.ph), sign(w.pw),
                                     w.groups},
                       .slots = {a, b, bias}},
              .m = m,
              .n = n,
              .k = k,
              .batch = w.groups,
              .size = size,
              .finish = recorder.finish()};
  add_cut(recorder, uncut, out);
}

}  // namespace dormouse::drivers::vulkan
