#include "memory/stored_latent.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "config/error.h"

namespace dormouse::memory {
namespace {

template <class Element>
std::vector<Element> elements_of(std::span<const std::byte> bytes) {
  std::vector<Element> elements(bytes.size() / sizeof(Element));
  if (!elements.empty()) std::memcpy(elements.data(), bytes.data(), elements.size() * sizeof(Element));
  return elements;
}

}  // namespace

StoredLatent stored(const CodedLatent& latent) {
  if (latent.halves.empty()) return {0, std::as_bytes(std::span(latent.codes)), latent.scale};
  return {1, std::as_bytes(std::span(latent.halves)), 0};
}

CodedLatent restored(const StoredLatent& row, EpisodeId id) {
  if (row.format == 0) return {elements_of<std::int8_t>(row.bytes), row.scale};
  auto halves = elements_of<std::uint16_t>(row.bytes);
  const auto finite = [](std::uint16_t bits) { return (bits & 0x7c00) != 0x7c00; };
  if (row.format != 1 || row.bytes.size() % 2 != 0 || !std::ranges::all_of(halves, finite))
    throw Failure(Errc::corrupt, "episode " + std::to_string(id) + ": its latent is in no known format");
  return encoded(std::move(halves));
}

std::int64_t searched_bytes(const CodedLatent& latent) {
  return static_cast<std::int64_t>(latent.codes.size() + 2 * latent.halves.size());
}

}  // namespace dormouse::memory
