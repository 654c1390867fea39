#include "learning/digest.h"

#include "learning/files.h"

namespace dormouse::learning {

void Digest::add(std::span<const std::byte> bytes) { text_ += sha256(bytes); }

void Digest::add(const std::string& text) { add(std::as_bytes(std::span(text))); }

void Digest::add(const Tensor& tensor) {
  add(engine::to_string(tensor.shape()));
  add({tensor.data(), tensor.byte_size()});
}

void Digest::add(const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    add(name);
    add(tensor);
  }
}

void Digest::add(const LabelledLatents& examples) {
  add(examples.latents);
  add(std::as_bytes(std::span(examples.classes)));
}

void Digest::add(float number) { add(std::as_bytes(std::span(&number, 1))); }

std::string Digest::text() const { return sha256(std::as_bytes(std::span(text_))); }

std::uint64_t fnv1a(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : bytes) hash = (hash ^ std::to_integer<unsigned>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace dormouse::learning
