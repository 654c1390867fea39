#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/tensor.h"

struct xnn_weights_cache_provider;
struct xnn_weights_cache_look_up_key;

namespace dormouse::drivers::xnnpack {

/// One filter and bias as a micro-kernel wants them, and the constants they were packed from: while these are
/// held, their addresses name them.
struct Packed {
  std::vector<engine::Tensor> from;
  std::shared_ptr<engine::Buffer> bytes;
};

/// The packed weights of a driver's live programs; those of the same constants share them. Thread-safe.
class PackedWeights {
 public:
  struct Key {
    std::uint32_t seed;  ///< XNNPACK's word for the micro-kernel and its tile
    const void* kernel;
    const void* bias;
    std::uint64_t variant = 0;  ///< what else the packing depends on: see WeightsUse::keep
    auto operator<=>(const Key&) const = default;
  };
  /// Null when no live program has them.
  std::shared_ptr<const Packed> find(const Key& key);
  /// Returns `packed`, or what another thread was faster to insert.
  std::shared_ptr<const Packed> insert(const Key& key, std::shared_ptr<const Packed> packed);
  /// Of all that is held.
  std::size_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<Key, std::weak_ptr<const Packed>> entries_;
};

/// One program's use of the shared weights: XNNPACK's view of them while it compiles and runs.
class WeightsUse {
 public:
  explicit WeightsUse(PackedWeights& shared);
  ~WeightsUse();
  WeightsUse(const WeightsUse&) = delete;
  WeightsUse& operator=(const WeightsUse&) = delete;

  /// Holds `tensor`, which was made from the graph's constant `original` (or is it), until release_sources().
  /// Filters of equal `variant` alone share a packing: quantised ones are packed with scales and zero points.
  engine::Tensor keep(engine::Tensor tensor, engine::Tensor original, std::uint64_t variant = 0);
  void release_sources() { sources_.clear(); }

  xnn_weights_cache_provider* provider() { return provider_.get(); }

 private:
  struct Source {
    engine::Tensor tensor;
    engine::Tensor original;
    std::uint64_t variant;
  };
  struct Callbacks;
  PackedWeights::Key shared_key(const xnn_weights_cache_look_up_key& key) const;
  /// What was packed is hardly read again.
  static void let_go(Source& source);
  const void* original_address(const void* address) const;

  PackedWeights& shared_;
  std::unordered_map<const void*, Source> sources_;
  std::vector<std::shared_ptr<const Packed>> used_;
  std::shared_ptr<engine::Buffer> reserved_;
  std::unique_ptr<xnn_weights_cache_provider> provider_;
};

}  // namespace dormouse::drivers::xnnpack
