#include "drivers/digest.h"

#include <cstdio>
#include <cstring>

namespace dormouse::drivers {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::string Digest::hex() const {
  std::array<char, 33> text;
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(words[0]),
                static_cast<unsigned long long>(words[1]));
  return text.data();
}

Digester::Digester(const Key& key) : key_(key), lanes_{key[1], key[3], key[5], key[7]} {}

void Digester::mix(const Block& block) {
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    lanes_[i] = fold(block[2 * i] ^ key_[2 * i], block[2 * i + 1] ^ lanes_[i]);
}

void Digester::add(std::span<const std::byte> bytes) {
  const std::size_t length = bytes.size();
  Block block;
  for (; bytes.size() >= sizeof block; bytes = bytes.subspan(sizeof block)) {
    std::memcpy(block.data(), bytes.data(), sizeof block);
    mix(block);
  }
  block.fill(0);
  if (!bytes.empty()) std::memcpy(block.data(), bytes.data(), bytes.size());
  mix(block);
  for (std::size_t i = 0; i < block.size(); i += 2) block[i] = length, block[i + 1] = lanes_[(i / 2 + 1) % 4];
  mix(block);
}

Digest Digester::finish() const {
  const auto& [a, b, c, d] = lanes_;
  return {{fold(a ^ key_[1], b ^ key_[3]) ^ fold(c ^ key_[5], d ^ key_[7]),
           fold(a ^ key_[2], d ^ key_[4]) ^ fold(b ^ key_[6], c ^ key_[0])}};
}

void add(Digester& digester, const engine::Tensor& tensor) {
  digester.add(static_cast<std::uint64_t>(tensor.dtype()));
  digester.add(to_string(tensor.shape()));
  digester.add(tensor.bytes());
}

void add(Digester& digester, const engine::Attribute& attribute) {
  digester.add(attribute.index());
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, engine::Tensor>)
          add(digester, value);
        else if constexpr (std::is_arithmetic_v<T>)
          digester.add(std::as_bytes(std::span(&value, 1)));
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
          for (const std::string& text : value) digester.add(text);
        else if constexpr (!std::is_same_v<T, std::shared_ptr<const engine::Graph>>)
          digester.add(std::as_bytes(std::span(value)));
      },
      attribute);
}

}  // namespace dormouse::drivers
