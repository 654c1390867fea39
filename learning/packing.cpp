#include "learning/packing.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "config/error.h"
#include "engine/dtype.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kScaleBytes = 2 * sizeof(std::uint16_t);

/// Of an affine code.
unsigned bits_of(Packing::Code code) {
  return code == Packing::Code::bits8 ? 8 : code == Packing::Code::bits4 ? 4 : 2;
}

/// The nearest bfloat16 on this side, as a float. Truncation rounds towards zero.
float outwards(float value, bool up) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t cut = bits & 0xffff0000u;
  if (cut == bits || (value < 0) == up) return std::bit_cast<float>(cut);
  const float away = std::bit_cast<float>(cut + 0x10000u);
  return std::isfinite(away) ? away : std::bit_cast<float>(cut);
}

Packing::Range extremes(std::span<const float> values) {
  const auto [low, high] = std::ranges::minmax(values);
  return {outwards(low, false), outwards(high, true)};
}

void store_scale(Packing::Range range, std::byte* to) {
  for (const float value : {range.low, range.high}) {
    const auto bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
    std::memcpy(to, &bits, sizeof bits);
    to += sizeof bits;
  }
}

Packing::Range load_scale(const std::byte* from) {
  std::uint16_t bits[2];
  std::memcpy(bits, from, sizeof bits);
  return {std::bit_cast<float>(std::uint32_t{bits[0]} << 16),
          std::bit_cast<float>(std::uint32_t{bits[1]} << 16)};
}

/// In double precision: the widest range has a finite width there.
double step_of(Packing::Range range, unsigned levels) {
  return (double{range.high} - double{range.low}) / levels;
}

unsigned code_of(float value, Packing::Range range, double step, unsigned levels) {
  if (!(step > 0)) return 0;
  const double at = std::round((double{std::clamp(value, range.low, range.high)} - double{range.low}) / step);
  return static_cast<unsigned>(std::min(at, double(levels)));
}

}  // namespace

Packer::Packer(std::size_t width, Packing packing) : width_(width), packing_(packing) {
  if (width == 0) throw Failure(Errc::invalid, "an exemplar of no values");
  if (packing.half && !packing.image)
    throw Failure(Errc::invalid, "half resolution needs to know the image's height and width");
  if (packing.image && packing.image->elements() != width)
    throw Failure(Errc::invalid, "an image of " + std::to_string(packing.image->elements()) +
                                     " values does not fill an exemplar of " + std::to_string(width));
  if (packing.range && !(packing.range->low < packing.range->high))
    throw Failure(Errc::invalid, "the range of an exemplar's values is empty");
}

std::size_t Packer::kept() const {
  if (!packing_.half) return width_;
  const ImageShape& image = *packing_.image;
  return (image.height + 1) / 2 * ((image.width + 1) / 2) * image.channels;
}

std::size_t Packer::bytes() const {
  const std::size_t scale = packing_.range ? 0 : kScaleBytes;
  switch (packing_.code) {
    case Packing::Code::f32:
      return 4 * kept();
    case Packing::Code::f16:
      return 2 * kept();
    default:
      return (kept() * bits_of(packing_.code) + 7) / 8 + scale;
  }
}

std::vector<float> Packer::pooled(std::span<const float> values) const {
  const auto [height, width, channels] = *packing_.image;
  std::vector<float> small;
  small.reserve(kept());
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t y = 0; y < height; y += 2)
      for (std::size_t x = 0; x < width; x += 2) {
        const std::size_t rows = std::min<std::size_t>(2, height - y),
                          columns = std::min<std::size_t>(2, width - x);
        float sum = 0;
        for (std::size_t j = 0; j < rows; ++j)
          for (std::size_t i = 0; i < columns; ++i) sum += values[(channel * height + y + j) * width + x + i];
        small.push_back(sum / static_cast<float>(rows * columns));
      }
  return small;
}

// A small pixel's centre lies between the two large ones it was pooled from: offsets of a quarter.
void Packer::upsample(std::span<const float> small, std::span<float> values) const {
  const auto [height, width, channels] = *packing_.image;
  const std::size_t rows = (height + 1) / 2, columns = (width + 1) / 2;
  const bool smooth = packing_.upsampling == Packing::Upsampling::bilinear;
  const auto other = [](std::size_t at, std::size_t count) {
    return at % 2 == 0 ? (at / 2 == 0 ? 0 : at / 2 - 1) : std::min(at / 2 + 1, count - 1);
  };
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t y = 0; y < height; ++y)
      for (std::size_t x = 0; x < width; ++x) {
        const auto at = [&](std::size_t j, std::size_t i) {
          return small[(channel * rows + j) * columns + i];
        };
        float& value = values[(channel * height + y) * width + x];
        value = at(y / 2, x / 2);
        if (!smooth) continue;
        const std::size_t j = other(y, rows), i = other(x, columns);
        value = 0.5625f * value + 0.1875f * (at(j, x / 2) + at(y / 2, i)) + 0.0625f * at(j, i);
      }
}

void Packer::pack(std::span<const float> values, std::span<std::byte> to) const {
  ensure(values.size() == width_ && to.size() == bytes(), "an example of this packing");
  std::vector<float> small;
  if (packing_.half) {
    small = pooled(values);
    values = small;
  }
  if (packing_.code == Packing::Code::f32) {
    std::memcpy(to.data(), values.data(), values.size_bytes());
    return;
  }
  if (packing_.code == Packing::Code::f16) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const engine::Half half = engine::to_half(std::clamp(values[i], -65504.0f, 65504.0f));
      std::memcpy(to.data() + 2 * i, &half.bits, 2);
    }
    return;
  }
  std::byte* codes = to.data();
  const Packing::Range range = packing_.range ? *packing_.range : extremes(values);
  if (!packing_.range) {
    store_scale(range, codes);
    codes += kScaleBytes;
  }
  const unsigned bits = bits_of(packing_.code), levels = (1u << bits) - 1;
  const std::size_t in_byte = 8 / bits;
  const double step = step_of(range, levels);
  std::fill(codes, to.data() + to.size(), std::byte{0});
  for (std::size_t i = 0; i < values.size(); ++i)
    codes[i / in_byte] |=
        static_cast<std::byte>(code_of(values[i], range, step, levels) << (i % in_byte * bits));
}

void Packer::unpack(std::span<const std::byte> from, std::span<float> values) const {
  ensure(values.size() == width_ && from.size() == bytes(), "an example of this packing");
  std::vector<float> small(packing_.half ? kept() : 0);
  const std::span<float> out = packing_.half ? std::span<float>(small) : values;
  const std::byte* codes = from.data();
  if (packing_.code == Packing::Code::f32) {
    std::memcpy(out.data(), codes, out.size_bytes());
  } else if (packing_.code == Packing::Code::f16) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      engine::Half half{};
      std::memcpy(&half.bits, codes + 2 * i, 2);
      out[i] = engine::to_float(half);
    }
  } else {
    const Packing::Range range = packing_.range ? *packing_.range : load_scale(codes);
    if (!packing_.range) codes += kScaleBytes;
    const unsigned bits = bits_of(packing_.code), levels = (1u << bits) - 1;
    const std::size_t in_byte = 8 / bits;
    const double step = step_of(range, levels);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const unsigned code = (static_cast<unsigned>(codes[i / in_byte]) >> (i % in_byte * bits)) & levels;
      out[i] = static_cast<float>(double{range.low} + step * code);
    }
  }
  if (packing_.half) upsample(small, values);
}

}  // namespace dormouse::learning
