#include "drivers/vulkan/tuner.h"

#include <algorithm>
#include <bit>

#include "config/log.h"
#include "drivers/digest.h"
#include "drivers/vulkan/reduction.h"
#include "drivers/vulkan/trial.h"

namespace dormouse::drivers::vulkan {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;
using Microseconds = std::chrono::duration<double, std::micro>;

/// For a class, of a plan that is in a hurry; of others an eighth of what there is.
constexpr nanoseconds kPerClass = std::chrono::milliseconds(300);
constexpr std::size_t kMostBytes = std::size_t{1} << 28;  // that are taken to try a product
constexpr std::uint32_t kSpreads[] = {0, 1, 4};           // beside the usual

// Digits of e: the digest needs some.
constexpr Digester::Key kKey = {0xb7e151628aed2a6a, 0xbf7158809cf4f3c7, 0x62e7160f38b4da56,
                                0xa784d9045190cfef, 0x324e7738926cfbe5, 0xf4bf8d8d8c31d763,
                                0xda06c80abb1185eb, 0x4f7c7b5757f59584};

/// Steps of a factor of four.
std::uint64_t step_of(std::uint32_t extent) {
  return (static_cast<std::uint64_t>(std::bit_width(extent)) + 1) / 2;
}

/// Worth trying on such a product: not mostly beside it.
bool suits(const Tile& tile, const Uncut& p) {
  const auto fits = [](std::uint32_t extent, std::uint32_t side) {
    return side <= 32 || std::bit_ceil(extent) >= side;
  };
  return fits(p.m, tile.m) && fits(p.n, tile.n);
}

}  // namespace

Tuner::Tuner(Device& device, Options options)
    : device_(device), options_(std::move(options)), measurements_(options_.file) {
  Digester digest(kKey);
  digest.add(device.identity());
  for (const Shader shader : {Shader::product, Shader::reduce}) digest.add(std::as_bytes(info(shader).code));
  for (const Tile& tile : tiles()) digest.add(to_string(tile));
  prefix_ = digest.finish().hex();
}

std::vector<Tile> Tuner::tiles() const {
  const VkPhysicalDeviceLimits& limits = device_.limits();
  return tiles_for(std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]),
                   limits.maxComputeSharedMemorySize);
}

/// Of a convolution counts whether its kernel is one point, besides what it is.
std::string Tuner::key_of(const Uncut& p) const {
  const std::vector<std::uint32_t>& c = p.call.constants;
  const std::uint32_t mode = c[1], along = c[5] & ~4u;
  const bool point = mode != 0 && c[12] * c[13] == 1;
  Digester digest(kKey);
  digest.add(prefix_);
  for (const std::uint64_t number : {std::uint64_t{mode}, std::uint64_t{along}, std::uint64_t{point},
                                     step_of(p.m), step_of(p.n), step_of(p.k), step_of(p.batch)})
    digest.add(number);
  return digest.finish().hex();
}

Tile Tuner::choose(const Uncut& product, std::span<const std::size_t> bytes, nanoseconds& spent) {
  if (options_.always) return *options_.always;
  const Tile usual = usual_tile(product);
  const std::lock_guard lock(mutex_);
  const std::string key = key_of(product);
  if (const auto found = chosen_.find(key); found != chosen_.end()) return found->second;
  if (const auto tile = known(key, usual)) return chosen_[key] = *tile;
  if (spent >= options_.per_plan || !device_.tells_time()) return usual;
  const Clock::time_point begin = Clock::now();
  const Tile tile = measure(key, product, bytes);
  spent += Clock::now() - begin;
  return chosen_[key] = tile;
}

/// What another process has found out, or this one before it ended. A tile other than the usual one has its
/// own entry beside that of the class.
std::optional<Tile> Tuner::known(const std::string& key, const Tile& usual) const {
  const auto whole = measurements_.find(key);
  if (!whole) return std::nullopt;
  if (!whole->agree) return usual;  // it did not come to its end
  for (const Tile& tile : tiles())
    for (const std::uint32_t spread : {2u, 0u, 1u, 4u}) {
      Tile spreading = tile;
      spreading.spread = spread;
      if (measurements_.find(key + "-" + to_string(spreading))) return spreading;
    }
  return usual;
}

/// The usual tile where nothing is faster by some percent, or it cannot be tried.
Tile Tuner::measure(const std::string& key, const Uncut& product, std::span<const std::size_t> bytes) {
  const Tile usual = usual_tile(product);
  measurements_.begin(key);
  try {
    const std::vector<Timed> all = try_all(product, bytes);
    const Timed& best = *std::ranges::min_element(all, {}, &Timed::time);
    const nanoseconds before = all.front().time;
    const bool pays = best.time < before - before / 20;
    const Measurement took{.gpu_us = Microseconds(best.time).count(), .cpu_us = Microseconds(before).count()};
    if (pays) measurements_.end(key + "-" + to_string(best.tile), took);
    measurements_.end(key, took);
    log(Level::debug, "vulkan: product " + std::to_string(product.m) + "x" + std::to_string(product.n) + "x" +
                          std::to_string(product.k) + " of " + std::to_string(product.batch) + ", kind " +
                          std::to_string(product.call.constants[1]) + ": " + to_string(best.tile) +
                          " takes " + std::to_string(took.gpu_us) + " us, " + to_string(usual) + " " +
                          std::to_string(took.cpu_us));
    return pays ? best.tile : usual;
  } catch (const Failure& failure) {
    measurements_.abandon(key);
    log(Level::debug, "vulkan: a product's tiles are not measured: " + failure.error().context);
    return usual;
  }
}

/// The usual one first. What takes longer than there is time for is left out.
std::vector<Tuner::Timed> Tuner::try_all(const Uncut& product, std::span<const std::size_t> bytes) const {
  const Clock::time_point end = Clock::now() + std::max(kPerClass, options_.per_plan / 8);
  const std::uint32_t enough = device_.enough_groups();
  const Tile usual = usual_tile(product);
  std::vector<Tile> candidates;
  for (const Tile& tile : tiles())
    if (tile != usual && suits(tile, product)) candidates.push_back(tile);
  const auto parts_bytes = [&](const Tile& tile) {
    return std::size_t{4} * product.size * splits_of(product, tile, enough);
  };
  std::size_t parts = parts_bytes(usual);
  for (const Tile& tile : candidates) parts = std::max(parts, parts_bytes(tile));
  for (Tile tile : tiles()) {
    tile.spread = std::ranges::max(kSpreads);
    parts = std::max(parts, parts_bytes(tile));
  }
  std::vector<std::size_t> slots(bytes.begin(), bytes.end());
  slots.insert(slots.end(), {std::size_t{4} * product.size, parts});
  std::size_t all = 0;
  for (const std::size_t slot : slots) all += slot;
  if (all > kMostBytes) throw Failure(Errc::unavailable, "it is too large to be tried");

  Trial trial(device_, slots);
  Uncut tried = product;
  tried.call.slots = {0, 1, 2};
  std::vector<Timed> timed;
  const auto attempt = [&](const Tile& tile) {
    const nanoseconds best =
        timed.empty() ? nanoseconds::max() : std::ranges::min(timed, {}, &Timed::time).time;
    const bool split = splits_of(tried, tile, enough) > 1;
    const auto calls = cut(tried, tile, enough, split ? 4 : 3, 3);
    timed.push_back({tile, trial.time(calls, best < nanoseconds::max() / 2 ? best * 3 / 2 : best)});
  };
  attempt(usual);
  timed.clear();  // the device had to wake
  attempt(usual);
  for (const Tile& tile : candidates)
    if (Clock::now() < end) attempt(tile);
  const Tile best = std::ranges::min(timed, {}, &Timed::time).tile;
  std::vector<std::uint32_t> seen{splits_of(tried, best, enough)};
  for (const std::uint32_t spread : kSpreads) {
    Tile spreading = best;
    spreading.spread = spread;
    const std::uint32_t splits = splits_of(tried, spreading, enough);
    if (std::ranges::find(seen, splits) != seen.end() || Clock::now() >= end) continue;
    seen.push_back(splits);
    attempt(spreading);
  }
  const Timed again = timed.front();
  attempt(usual);
  timed.front().time = std::min(again.time, timed.back().time);
  return timed;
}

}  // namespace dormouse::drivers::vulkan
