#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/formats/safetensors.h"
#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// What a kernel head was fitted to, and which episodes that is: without some of them it can be made again.
struct KernelExamples {
  QuantisedLatents latents;             ///< the fit is on what they decode to
  std::vector<ClassIndex> classes;      ///< by example
  std::vector<std::uint64_t> episodes;  ///< by example; 0: of the seed

  std::size_t size() const { return classes.size(); }
};

/// A kernel head with its seat beside the network, as a version keeps it.
struct KernelSeat {
  KernelExamples examples;
  Tensor weights;       ///< α, f32 [N, C]
  float sharpness = 0;  ///< see engine::KernelHead
  float network = 1;    ///< see engine::KernelSeat
  float kernel = 0;

  /// Ready to answer. Throws Failure(corrupt) when its parts contradict each other.
  engine::KernelSeat open() const;
};

/// At most `count` rows, class by class in turn.
std::vector<std::size_t> in_turn(std::span<const ClassIndex> labels, std::size_t count);

/// The seat after these episodes were forgotten: its head fitted again to the other examples, its weights
/// kept. Nothing when no example is left.
std::optional<KernelSeat> without(const KernelSeat& seat, const std::function<bool(std::uint64_t)>& gone);

/// As a file that carries its own checksum.
engine::NamedTensors packed(const KernelSeat& seat);
/// Throws Failure(corrupt) beginning with `name`.
KernelSeat unpacked_seat(const engine::NamedTensors& file, const std::string& name);

}  // namespace dormouse::learning
