#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "drivers/xnnpack/layout.h"
#include "drivers/xnnpack/packed_files.h"
#include "drivers/xnnpack/reserved.h"
#include "engine/graph.h"

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
  PackedWeights() = default;
  /// Large ones are kept in files under `folder`, for other processes and other days.
  explicit PackedWeights(const std::filesystem::path& folder);

  struct Key {
    std::uint32_t seed;  ///< XNNPACK's word for the micro-kernel and its tile
    const void* kernel;
    const void* bias;
    std::string variant = {};  ///< what else the packing depends on: see WeightsUse::keep
    auto operator<=>(const Key&) const = default;
  };
  /// Null when no live program has them.
  std::shared_ptr<const Packed> find(const Key& key);
  /// Returns `packed`, or what another thread was faster to insert.
  std::shared_ptr<const Packed> insert(const Key& key, std::shared_ptr<const Packed> packed);
  /// Of all that is held.
  std::size_t bytes() const;
  /// Null: none are kept.
  PackedFiles* files() { return files_ && files_->usable() ? &*files_ : nullptr; }

 private:
  std::optional<PackedFiles> files_;
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

  /// What is kept from now on is for `node`: packing depends on its operator and attributes.
  void begin(const engine::Node& node);
  /// Holds `tensor`, which was made from the graph's constant `original` (or is it), until release_sources().
  /// Filters of equal `variant` alone share a packing: the bytes of the scales and zero points that quantised
  /// ones are packed with.
  engine::Tensor keep(engine::Tensor tensor, engine::Tensor original, std::string variant = {});
  /// Where permuted(original, from, permutation) will be when XNNPACK packs it; where it finds the packing,
  /// it never reads it. A large filter takes memory while it is packed, no longer.
  const void* keep_permuted(const engine::Tensor& original, const Extents& from, const Extents& permutation,
                            std::string variant = {});
  void release_sources();

  xnn_weights_cache_provider* provider() { return provider_.get(); }

 private:
  /// A filter that is permuted when it is packed.
  struct Permuted {
    Extents from, permutation;
    std::shared_ptr<Reserved> place;
    enum class State : std::uint8_t { empty, there, given_back } state = State::empty;
  };
  struct Source {
    engine::Tensor tensor;
    engine::Tensor original;
    std::string variant = {};
    Digest use = {};
    std::optional<Permuted> permuted = {};
    std::optional<Digest> digest = {};
  };
  struct Callbacks;
  PackedWeights::Key shared_key(const xnn_weights_cache_look_up_key& key) const;
  /// Under which name the packing is kept in a file; nothing when it is not.
  std::optional<Digest> file_name(const xnn_weights_cache_look_up_key& key);
  Digest digest_of(Source& source) const;
  /// The constants whose addresses `key` has.
  std::vector<engine::Tensor> constants_of(const xnn_weights_cache_look_up_key& key) const;
  std::size_t found(std::shared_ptr<const Packed> packed);
  void fill(Source& source);
  /// What was packed is hardly read again.
  void let_go(const void* address);
  Source* source_at(const void* address);
  const void* original_address(const void* address) const;

  PackedWeights& shared_;
  Digest use_;
  std::optional<Scratch> scratch_{std::in_place};  ///< for the large filters; outlives sources_
  std::unordered_map<const void*, Source> sources_;
  std::vector<std::shared_ptr<const Packed>> used_;
  std::shared_ptr<engine::Buffer> reserved_;
  bool looked_up_ = false;  ///< and did not find: the next packing is of what was looked up
  std::unique_ptr<xnn_weights_cache_provider> provider_;
};

}  // namespace dormouse::drivers::xnnpack
