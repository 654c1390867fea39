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

/// Chooses how products are cut on a device: tries the tiles there are on the first product of a class, by
/// the device's clock, and remembers which was fastest, in this process and in a file. A class is what
/// multiplies alike in extents that differ by less than a factor of four. Where nothing was measured the
/// usual tile is taken. Thread-safe.
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

  /// For a product whose operands (A, B and bias) take so many bytes. `spent` is what measuring has taken for
  /// this plan, and grows.
  Tile choose(const Uncut& product, std::span<const std::size_t> bytes, std::chrono::nanoseconds& spent);
  /// Those that this device can take.
  std::vector<Tile> tiles() const;

 private:
  struct Timed {
    Tile tile;
    std::chrono::nanoseconds time;
  };
  std::string key_of(const Uncut& product) const;
  std::optional<Tile> known(const std::string& key, const Tile& usual) const;
  Tile measure(const std::string& key, const Uncut& product, std::span<const std::size_t> bytes);
  std::vector<Timed> try_all(const Uncut& product, std::span<const std::size_t> bytes) const;

  Device& device_;
  Options options_;
  std::string prefix_;  ///< of keys: what does not depend on the product
  Measurements measurements_;
  std::mutex mutex_;
  std::map<std::string, Tile> chosen_;  ///< by key
};

}  // namespace dormouse::drivers::vulkan
