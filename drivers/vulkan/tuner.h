#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "drivers/measurements.h"
#include "drivers/vulkan/product.h"

namespace dormouse::drivers::vulkan {

/// Chooses how products are cut on a device: tries the tiles there are on a product that stands for its
/// class, by the device's clock, and remembers which was fastest, in this process and in a file. A class is
/// what reads alike, its extents rounded up to powers of two; those that read alike share compiled shaders,
/// so that few are compiled to try them all. Where nothing was measured the usual tile is taken. Thread-safe.
class Tuner {
 public:
  struct Options {
    /// Of what was measured, on every device that has the folder in common. Empty: none.
    std::filesystem::path file = {};
    /// Nothing is measured, where it is zero.
    std::chrono::nanoseconds per_plan{0};
    std::optional<Tile> always = {};  ///< for every product
  };
  Tuner(Device& device, Options options);

  /// `spent` is what measuring has taken for this plan, and grows.
  Tile choose(const Uncut& product, std::chrono::nanoseconds& spent);
  /// Without measuring; nothing where that is still to be done.
  std::optional<Tile> chosen(const Uncut& product);
  /// Of those that it may choose, the one that takes the most memory.
  Tile largest(const Uncut& product) const;
  /// Those that this device can take.
  std::vector<Tile> tiles() const;

 private:
  struct Timed {
    Tile tile;
    std::chrono::nanoseconds time;
  };
  std::string key_of(const Uncut& example) const;
  std::optional<Tile> chosen(const std::string& key, const Tile& usual);
  std::optional<Tile> known(const std::string& key, const Tile& usual) const;
  std::optional<Tile> measure(const std::string& key, const Uncut& example, std::chrono::nanoseconds left);
  std::vector<Tile> candidates(const Uncut& example) const;
  bool compile(const Uncut& example, std::span<const Tile> tiles, std::chrono::nanoseconds left);
  std::vector<Timed> try_all(const Uncut& example, std::span<const Tile> tiles);

  Device& device_;
  Options options_;
  std::string prefix_;  ///< of keys: what does not depend on the product
  Measurements measurements_;
  std::mutex mutex_;
  std::map<std::string, Tile> chosen_;             ///< by key
  std::chrono::steady_clock::time_point awake_{};  ///< until when the device was at work
};

}  // namespace dormouse::drivers::vulkan
