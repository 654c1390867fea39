#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "learning/latents.h"

namespace dormouse::learning {

/// A hash of hashes of whatever is added, in order.
class Digest {
 public:
  void add(std::span<const std::byte> bytes);
  void add(const std::string& text);
  void add(const Tensor& tensor);
  void add(const std::map<std::string, Tensor>& tensors);
  void add(const LabelledLatents& examples);
  void add(float number);
  std::string text() const;

 private:
  std::string text_;
};

/// FNV-1a, 64 bits: to draw lots by what is in a value, not to protect it.
std::uint64_t fnv1a(std::span<const std::byte> bytes);

}  // namespace dormouse::learning
