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
