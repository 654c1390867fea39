#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/kernels/saturate.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// GridSample(x, grid): the image x [N, C, H, W] read at the points (x, y) of the grid [N, h, w, 2], which
/// run from -1 to 1 across it.
namespace dormouse::engine {
namespace {

enum class Mode : std::uint8_t { nearest, linear, cubic };
enum class Padding : std::uint8_t { zeros, border, reflection };

// Opset 20 renamed two of them.
std::optional<Mode> mode_of(const Attributes& attributes) {
  const std::string mode = attributes.get<std::string>("mode", "linear");
  if (mode == "nearest") return Mode::nearest;
  if (mode == "linear" || mode == "bilinear") return Mode::linear;
  if (mode == "cubic" || mode == "bicubic") return Mode::cubic;
  return std::nullopt;
}

std::optional<Padding> padding_of(const Attributes& attributes) {
  const std::string padding = attributes.get<std::string>("padding_mode", "zeros");
  if (padding == "zeros") return Padding::zeros;
  if (padding == "border") return Padding::border;
  if (padding == "reflection") return Padding::reflection;
  return std::nullopt;
}

void infer(InferContext& context) {
  if (!mode_of(context.attributes())) context.unsupported("this mode of sampling");
  if (!padding_of(context.attributes())) context.unsupported("this padding_mode");
  check_attribute<std::int64_t>(context, "align_corners");
  context.require(context.dtype(1) == context.dtype(0), "image and grid differ in type");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  const Shape &x = context.shape(0), &grid = context.shape(1);
  if (x.rank() == 5) context.unsupported("volumes; only images are sampled");
  context.require(x.rank() == 4 && grid.rank() == 4, "expects an image [N, C, H, W] and a grid [N, h, w, 2]");
  context.require(compatible(grid[3], 2), "the points of the grid have not two coordinates");
  context.require(compatible(x[0], grid[0]), "image and grid differ in batch");
  set_checked_output(context, 0, context.dtype(0), {x[0], x[1], grid[1], grid[2]});
}

// One dimension of the image.
template <class T>
class Axis {
 public:
  Axis(std::int64_t extent, bool align_corners, Padding padding)
      : extent_(extent),
        aligned_(align_corners),
        padding_(padding),
        low_(align_corners ? T{0} : T{-0.5}),
        high_(low_ + static_cast<T>(align_corners ? extent - 1 : extent)) {}

  std::int64_t extent() const { return extent_; }
  /// The grid's coordinate in pixels; far outside is kept near, where there is nothing either.
  T pixels(T coordinate) const {
    const T size = static_cast<T>(extent_);
    return aligned_ ? (coordinate + 1) / 2 * (size - 1) : ((coordinate + 1) * size - 1) / 2;
  }
  T padded(T x) const {
    if (padding_ == Padding::border) x = std::clamp(x, T{0}, static_cast<T>(extent_ - 1));
    if (padding_ == Padding::reflection) x = reflected(x);
    const T bound = 2 * static_cast<T>(extent_) + 8;
    return x > -bound ? std::min(x, bound) : -bound;
  }
  /// The pixel read for `i`; -1 where that is a 0.
  std::int64_t source(std::int64_t i) const {
    if (i >= 0 && i < extent_) return i;
    if (padding_ == Padding::zeros) return -1;
    const T at = padding_ == Padding::reflection ? reflected(static_cast<T>(i)) : static_cast<T>(i);
    return std::clamp<std::int64_t>(saturate<std::int64_t>(at), 0, extent_ - 1);
  }

 private:
  T reflected(T x) const {
    const T range = high_ - low_;
    if (!(range > 0)) return low_;
    T offset = std::fmod(x - low_, 2 * range);
    if (offset < 0) offset += 2 * range;
    return low_ + (offset > range ? 2 * range - offset : offset);
  }

  std::int64_t extent_;
  bool aligned_;
  Padding padding_;
  T low_, high_;
};

// What one point reads along one axis: `count` pixels from `first` on.
template <class T>
struct Taps {
  std::int64_t first, count;
  std::array<T, 4> weight;
};

template <class T>
Taps<T> taps(Mode mode, T x) {
  if (mode == Mode::nearest) return {saturate<std::int64_t>(std::nearbyint(x)), 1, {1}};
  const T floor = std::floor(x), r = x - floor;
  const std::int64_t left = saturate<std::int64_t>(floor);
  if (mode == Mode::linear) return {left, 2, {1 - r, r}};
  constexpr T a = T{-0.75};
  const auto near = [](T d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](T d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {left - 1, 4, {far(r + 1), near(r), near(1 - r), far(2 - r)}};
}

// What one point reads: up to 4 × 4 pixels of a plane.
template <class T>
struct Footprint {
  std::int64_t count = 0;
  std::array<std::int64_t, 16> pixel{};
  std::array<T, 16> weight{};

  Footprint(const Axis<T>& rows, const Axis<T>& columns, const Taps<T>& down, const Taps<T>& across) {
    for (std::int64_t i = 0; i < down.count; ++i) {
      const std::int64_t row = rows.source(down.first + i);
      for (std::int64_t j = 0; j < across.count; ++j) {
        const std::int64_t column = columns.source(across.first + j);
        if (row < 0 || column < 0) continue;
        const std::size_t at = static_cast<std::size_t>(count++);
        pixel[at] = row * columns.extent() + column;
        weight[at] = down.weight[static_cast<std::size_t>(i)] * across.weight[static_cast<std::size_t>(j)];
      }
    }
  }
  T read(const T* plane) const {
    T sum = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) sum += weight[i] * plane[pixel[i]];
    return sum;
  }
};

template <class T>
void compute(const KernelContext& context) noexcept {
  constexpr std::int64_t kBlock = 256;  // points whose footprints are kept, while channels pass
  const Shape &in = context.shape(0), &out = context.output_shape(0);
  std::ranges::fill(context.out<T>(0), T{0});
  if (in.elements() == 0) return;
  const Mode mode = *mode_of(context.attributes);
  const Padding padding = *padding_of(context.attributes);
  const bool aligned = context.attributes.integer("align_corners", 0) != 0;
  const Axis<T> rows(in[2], aligned, padding), columns(in[3], aligned, padding);
  const auto place = [&](const Axis<T>& axis, T coordinate) {
    const T x = axis.pixels(coordinate);
    return taps(mode, axis.padded(mode == Mode::nearest ? std::nearbyint(x) : x));
  };
  const std::int64_t channels = in[1], in_plane = in[2] * in[3], points = out[2] * out[3];
  std::vector<Footprint<T>> block;
  for (std::int64_t image = 0; image < out[0]; ++image) {
    for (std::int64_t first = 0; first < points; first += kBlock) {
      block.clear();
      for (std::int64_t p = first; p < std::min(first + kBlock, points); ++p) {
        const T* const point = context.in<T>(1).data() + 2 * (image * points + p);
        block.emplace_back(rows, columns, place(rows, point[1]), place(columns, point[0]));
      }
      for (std::int64_t c = image * channels; c < (image + 1) * channels; ++c) {
        const T* const plane = context.in<T>(0).data() + c * in_plane;
        T* y = context.out<T>(0).data() + c * points + first;
        for (const Footprint<T>& footprint : block) *y++ = footprint.read(plane);
      }
    }
  }
}

Gradients gradient(const GradientContext&) {
  throw Failure(Errc::unsupported, "GridSample: it has no gradient here");
}

Attributes attributes(std::string mode, std::string padding, std::int64_t align_corners) {
  return {{"mode", std::move(mode)}, {"padding_mode", std::move(padding)}, {"align_corners", align_corners}};
}

}  // namespace

namespace ops {
extern const Op grid_sample{
    .name = "GridSample",
    .since = 16,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{1, 2, 3, 4}, {1, 2, 3, 2}}, .frozen = {0, 1}},
                {.shapes = {{2, 1, 3, 4}, {2, 2, 2, 2}},
                 .attributes = attributes("bicubic", "reflection", 1),
                 .frozen = {0, 1}},
                {.shapes = {{1, 1, 3, 4}, {1, 2, 2, 2}},
                 .attributes = attributes("cubic", "border", 0),
                 .frozen = {0, 1}}}};
}  // namespace ops

}  // namespace dormouse::engine
