#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/attributes.h"

namespace dormouse::drivers {

/// 128 bits that stand for bytes.
struct Digest {
  std::array<std::uint64_t, 2> words{};
  auto operator<=>(const Digest&) const = default;
  std::string hex() const;
};

/// Digests bytes about as fast as memory gives them: multiplications of 64 bits folded onto themselves, four
/// at a time, as wyhash has them (Wang Yi, 2019). Under a key that nobody knows it stands for nobody's choice
/// of bytes; it signs nothing, and is no use where the key is known.
class Digester {
 public:
  using Key = std::array<std::uint64_t, 8>;
  /// Known to everybody, for what nobody gains from by guessing it: digits of pi.
  static constexpr Key kOpen = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
                                0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c,
                                0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917};
  explicit Digester(const Key& key);

  /// Runs of bytes are kept apart: "ab" and "c" are not "a" and "bc".
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(std::uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }
  Digest finish() const;

 private:
  using Block = std::array<std::uint64_t, 8>;
  void mix(const Block& block);

  Key key_;
  std::array<std::uint64_t, 4> lanes_;
};

void add(Digester& digester, const engine::Tensor& tensor);
/// Graphs are left out.
void add(Digester& digester, const engine::Attribute& attribute);

}  // namespace dormouse::drivers
