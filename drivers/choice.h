#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace dormouse::drivers {

/// What computes a model, in the words of configuration and command line.
enum class Choice : std::uint8_t {
  automatic,  ///< "auto": the GPU where it was measured to pay, else the CPU
  cpu,        ///< XNNPACK, and portable kernels
  vulkan,     ///< the GPU all that it can, the CPU the rest
  xnnpack,    ///< alone, and portable kernels
  reference   ///< portable kernels
};

/// Every choice by its word.
std::span<const std::pair<std::string_view, Choice>> choice_words();
/// Nothing: no such word.
std::optional<Choice> parse_choice(std::string_view word);

}  // namespace dormouse::drivers
