#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dormouse::learning {

/// Values kept as images: `channels` planes of height × width, row by row.
struct ImageShape {
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t channels = 1;

  std::size_t elements() const { return height * width * channels; }
};

/// How the values of an exemplar become bytes.
///
/// Eight, four and two bits are affine codes, value = low + step · code. Low and step come from a `range`
/// known beforehand (pixels in [0, 1]: no bytes), or from the exemplar's own extremes, kept as two bfloat16
/// (4 bytes) that are rounded outwards before the codes are computed, so that their rounding adds no error
/// beyond half a step.
struct Packing {
  enum class Code : std::uint8_t { f32, f16, bits8, bits4, bits2 };
  struct Range {
    float low = 0;
    float high = 1;
  };
  enum class Upsampling : std::uint8_t { nearest, bilinear };

  Code code = Code::bits8;
  std::optional<Range> range = {};  ///< values outside are clamped
  std::optional<ImageShape> image = {};
  /// Half resolution: means of 2 × 2 pixels (of what is there at an odd edge). Needs `image`.
  bool half = false;
  Upsampling upsampling = Upsampling::nearest;  ///< back from half resolution
};

/// Packs and unpacks examples of one width. Stateless between calls.
class Packer {
 public:
  /// Throws Failure(invalid) when the image is not of this width, half has no image, or the range is empty.
  Packer(std::size_t width, Packing packing);

  /// Bytes of one packed example.
  std::size_t bytes() const;
  /// `to`: bytes() of them. The values are finite.
  void pack(std::span<const float> values, std::span<std::byte> to) const;
  void unpack(std::span<const std::byte> from, std::span<float> values) const;

 private:
  std::size_t kept() const;  ///< values after pooling
  std::vector<float> pooled(std::span<const float> values) const;
  void upsample(std::span<const float> small, std::span<float> values) const;

  std::size_t width_;
  Packing packing_;
};

}  // namespace dormouse::learning
