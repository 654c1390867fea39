#include "drivers/vulkan/tuner.h"

#include <algorithm>
#include <bit>

#include "config/log.h"
#include "drivers/digest.h"
#include "drivers/vulkan/trial.h"

namespace dormouse::drivers::vulkan {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr nanoseconds kPerClass = std::chrono::milliseconds(300);
/// Less than this is the launch, not the product.
constexpr nanoseconds kNothingToGain = std::chrono::microseconds(5);
/// An idle device slows its clock down, within about so long, and takes about so long to be fast again.
constexpr nanoseconds kDozes = std::chrono::milliseconds(5), kWakes = std::chrono::milliseconds(30);
constexpr std::size_t kMostBytes = std::size_t{1} << 28;  // that are taken to try a product
constexpr std::uint32_t kSpreads[] = {2, 0, 1};
constexpr std::uint32_t kMostGroups = 65535;  // along an axis

// Digits of e: the digest needs some.
constexpr Digester::Key kKey = {0xb7e151628aed2a6a, 0xbf7158809cf4f3c7, 0x62e7160f38b4da56,
                                0xa784d9045190cfef, 0x324e7738926cfbe5, 0xf4bf8d8d8c31d763,
                                0xda06c80abb1185eb, 0x4f7c7b5757f59584};

/// The image of a convolution that stands for others, its kernel, and channels of a group.
constexpr std::uint32_t kSide = 8, kPixels = kSide * kSide, kKernel = 3, kTaps = kKernel * kKernel,
                        kChannels = 64;

bool is_point(const std::vector<std::uint32_t>& c) { return c[1] == 1 && c[12] * c[13] == 1; }

/// What stands for a product: only extents that are pushed tell it from others that read alike. A convolution
/// by a point reads as matrices do.
Uncut example_of(const Uncut& p) {
  const std::vector<std::uint32_t>& given = p.call.constants;
  const std::uint32_t mode = is_point(given) ? 0 : given[1], along = is_point(given) ? 1 : given[5] & 3;
  Uncut e{.call = {.shader = p.call.shader, .constants = {0, mode, 0, 0, 0, along}, .slots = {0, 1, 2}},
          .m = std::bit_ceil(p.m),
          .n = std::bit_ceil(p.n),
          .k = std::bit_ceil(p.k),
          .batch = std::bit_ceil(p.batch)};
  e.size = e.m * e.n * e.batch;
  e.call.constants.resize(21, 1);
  if (mode == 0) {
    const bool a_along_k = (along & 1) != 0, b_along_k = (along & 2) != 0;
    e.strides = {a_along_k ? e.k : 1,
                 a_along_k ? 1 : e.m,
                 b_along_k ? 1 : e.n,
                 b_along_k ? e.k : 1,
                 0,
                 0,
                 1,
                 e.batch,
                 0,
                 0,
                 e.m * e.k,
                 0,
                 0,
                 e.k * e.n};
  } else {
    const std::uint32_t shape[] = {kChannels, kSide, kSide, kChannels, kSide, kSide, kKernel, kKernel};
    std::ranges::copy(shape, e.call.constants.begin() + 6);
    e.call.constants[18] = e.call.constants[19] = 1;  // padding
    e.call.constants[20] = e.batch;
  }
  return e;
}

constexpr Slot kOut = 3, kParts = 4;

std::vector<Call> calls_of(const Uncut& example, const Tile& tile, std::uint32_t enough) {
  return cut(example, tile, enough, splits_of(example, tile, enough) > 1 ? kParts : kOut, kOut);
}

std::size_t most_splits(const Uncut& example, std::span<const Tile> tiles, std::uint32_t enough) {
  std::uint32_t most = 1;
  for (const Tile& tile : tiles) most = std::max(most, splits_of(example, tile, enough));
  return most;
}

/// Bytes of A, B, bias, result and parts that the shader may touch. Channels are those of the image that
/// stands for others: what is pushed may reach behind them.
std::vector<std::size_t> bytes_of(const Uncut& e, std::size_t parts) {
  const std::size_t m = e.m, n = e.n, k = e.k, batch = e.batch, channels = batch * kChannels;
  const auto images = [&](std::size_t pixels, std::size_t behind) {
    return ((pixels / kPixels + 1) * channels + behind + 1) * kPixels;
  };
  std::size_t a = batch * m * k, b = batch * k * n, out = e.size;
  switch (e.call.constants[1]) {
    case 1:
      a = (channels + m) * k, b = images(n, k / kTaps), out = images(n, m);
      break;
    case 2:
      a = ((channels + k / kTaps + 1) * kChannels + m) * kTaps, b = images(n, k / kTaps), out = images(n, m);
      break;
    case 3:
      a = images(k, m), b = images(k, n / kTaps);
      break;
    default:
      break;
  }
  out = std::max<std::size_t>(out, e.size);
  return {4 * a, 4 * b, 16, 4 * out, 4 * ((parts - 1) * e.size + out)};
}

/// Rounded up, a product may be one that no device takes.
bool can_be_tried(const Uncut& p, const Tile& usual) {
  constexpr std::uint64_t kMostElements = std::uint64_t{1} << 30;
  const std::uint64_t area = std::uint64_t{p.m} * p.n;
  return area <= kMostElements && area * p.batch <= kMostElements && p.batch <= kMostGroups &&
         p.m / usual.m <= kMostGroups && p.n / usual.n <= kMostGroups;
}

/// Worth trying on such a product: not mostly beside it, and large ones where there are many.
bool suits(const Tile& tile, const Uncut& p, std::uint32_t enough) {
  const auto fits = [](std::uint32_t extent, std::uint32_t side) { return side <= 32 || extent >= side; };
  const std::uint64_t groups = std::uint64_t{p.m} * p.n * p.batch / (tile.m * tile.n);
  return fits(p.m, tile.m) && fits(p.n, tile.n) && (tile.rows == 1 || groups >= enough / 4) &&
         p.n / tile.n <= kMostGroups && p.m / tile.m <= kMostGroups;
}

}  // namespace

Tuner::Tuner(Device& device, Options options)
    : device_(device), options_(std::move(options)), measurements_(options_.file) {
  Digester digest(kKey);
  digest.add(device.identity());
  for (const Shader shader :
       {Shader::product, Shader::product_halves, Shader::product_matrices, Shader::reduce})
    digest.add(std::as_bytes(info(shader).code));
  for (const Tile& tile : tiles()) digest.add(to_string(tile));
  prefix_ = digest.finish().hex();
}

std::vector<Tile> Tuner::tiles() const {
  const VkPhysicalDeviceLimits& limits = device_.limits();
  return tiles_for(std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]),
                   limits.maxComputeSharedMemorySize, device_.multiplies_halves() == Halves::matrices);
}

std::string Tuner::key_of(const Uncut& e) const {
  Digester digest(kKey);
  digest.add(prefix_);
  digest.add(std::string_view(info(e.call.shader).name));
  for (const std::uint32_t number : {e.call.constants[1], e.call.constants[5], e.m, e.n, e.k, e.batch})
    digest.add(std::uint64_t{number});
  return digest.finish().hex();
}

Tile Tuner::choose(const Uncut& product, nanoseconds& spent) {
  if (options_.always) return *options_.always;
  const Tile usual = usual_tile(product);
  const Uncut example = example_of(product);
  const std::string key = key_of(example);
  const std::lock_guard lock(mutex_);
  if (const auto tile = chosen(key, usual)) return *tile;
  if (spent >= options_.per_plan) return usual;
  const Clock::time_point begin = Clock::now();
  const auto tile = measure(key, example, options_.per_plan - spent);
  spent += Clock::now() - begin;
  if (tile) chosen_[key] = *tile;
  return tile.value_or(usual);
}

std::optional<Tile> Tuner::chosen(const Uncut& product) {
  if (options_.always) return options_.always;
  const std::string key = key_of(example_of(product));
  const std::lock_guard lock(mutex_);
  return chosen(key, usual_tile(product));
}

Tile Tuner::largest(const Uncut& product) const {
  const auto splits = [&](const Tile& tile) { return splits_of(product, tile, device_.enough_groups()); };
  const std::vector<Tile> all = candidates(example_of(product));
  const auto most = std::ranges::max_element(all, {}, splits);
  const Tile usual = usual_tile(product);
  return splits(*most) > splits(usual) ? *most : usual;
}

std::optional<Tile> Tuner::chosen(const std::string& key, const Tile& usual) {
  if (const auto found = chosen_.find(key); found != chosen_.end()) return found->second;
  if (const auto tile = known(key, usual)) return chosen_[key] = *tile;
  const bool never = options_.per_plan <= nanoseconds(0) || !device_.tells_time();
  return never ? std::optional(usual) : std::nullopt;
}

/// What another process has found out, or this one before it ended. A tile other than the usual one has its
/// own entry beside that of the class.
std::optional<Tile> Tuner::known(const std::string& key, const Tile& usual) const {
  const auto whole = measurements_.find(key);
  if (!whole) return std::nullopt;
  if (!whole->agree) return usual;  // it did not come to its end
  for (Tile tile : tiles())
    for (const std::uint32_t spread : kSpreads) {
      tile.spread = spread;
      if (measurements_.find(key + "-" + to_string(tile))) return tile;
    }
  return usual;
}

/// The usual tile where nothing is faster by some percent, or where that cannot be tried; nothing where there
/// was no time or no memory left for it.
std::optional<Tile> Tuner::measure(const std::string& key, const Uncut& example, nanoseconds left) {
  const Tile usual = usual_tile(example);
  if (!can_be_tried(example, usual)) return usual;
  const std::vector<Tile> tiles = candidates(example);
  std::size_t bytes = 0;
  for (const std::size_t slot : bytes_of(example, most_splits(example, tiles, device_.enough_groups()))) {
    bytes += slot;
    if (slot > device_.limits().maxStorageBufferRange) return usual;
  }
  if (bytes > kMostBytes) return usual;
  if (bytes > device_.room() / 4) return std::nullopt;
  measurements_.begin(key);
  try {
    if (!compile(example, tiles, left)) {
      measurements_.abandon(key);
      return std::nullopt;
    }
    const std::vector<Timed> all = try_all(example, tiles);
    const Timed& best = *std::ranges::min_element(all, {}, &Timed::time);
    const nanoseconds before = all.front().time;
    const bool pays = best.time < before - before / 20;
    const Measurement took{.gpu_us = Microseconds(best.time).count(), .cpu_us = Microseconds(before).count()};
    if (pays) measurements_.end(key + "-" + to_string(best.tile), took);
    measurements_.end(key, took);
    log(Level::debug, "vulkan: product " + std::to_string(example.m) + "x" + std::to_string(example.n) + "x" +
                          std::to_string(example.k) + " of " + std::to_string(example.batch) + ", kind " +
                          std::to_string(example.call.constants[1]) + "." +
                          std::to_string(example.call.constants[5]) + ": " + to_string(best.tile) +
                          " takes " + std::to_string(took.gpu_us) + " us, " + to_string(usual) + " " +
                          std::to_string(took.cpu_us));
    return pays ? best.tile : usual;
  } catch (const Failure& failure) {
    measurements_.abandon(key);
    log(Level::debug, "vulkan: a product's tiles are not measured: " + failure.error().context);
    return failure.error().code == Errc::too_large ? std::nullopt : std::optional(usual);
  }
}

/// The usual one first.
std::vector<Tile> Tuner::candidates(const Uncut& example) const {
  const std::uint32_t enough = device_.enough_groups();
  std::vector<Tile> all{usual_tile(example)};
  for (Tile tile : tiles())
    for (const std::uint32_t spread : kSpreads) {
      tile.spread = spread;
      const auto same = [&](const Tile& other) {
        return other.m == tile.m && other.n == tile.n && other.rows == tile.rows &&
               splits_of(example, other, enough) == splits_of(example, tile, enough);
      };
      if (suits(tile, example, enough) && std::ranges::none_of(all, same)) all.push_back(tile);
    }
  return all;
}

/// Before any is timed: a device that waits for a compiler slows its clock down. False: there was no time for
/// all of them; the next plan compiles the rest.
bool Tuner::compile(const Uncut& example, std::span<const Tile> tiles, nanoseconds left) {
  const Clock::time_point end = Clock::now() + left;
  for (const Tile& tile : tiles) {
    if (Clock::now() >= end) return false;
    for (const Call& call : calls_of(example, tile, device_.enough_groups()))
      device_.pipeline(call.shader, call.constants);
  }
  return true;
}

std::vector<Tuner::Timed> Tuner::try_all(const Uncut& example, std::span<const Tile> tiles) {
  const std::uint32_t enough = device_.enough_groups();
  Trial trial(device_, bytes_of(example, most_splits(example, tiles, enough)));
  std::vector<Timed> timed;
  const auto attempt = [&](const Tile& tile) {
    const nanoseconds best =
        timed.empty() ? nanoseconds::max() : 3 * std::ranges::min(timed, {}, &Timed::time).time / 2;
    const nanoseconds time = trial.time(calls_of(example, tile, enough), best);
    awake_ = Clock::now();
    return Timed{tile, time};
  };
  if (Clock::now() - awake_ > kDozes)
    for (const auto awake = Clock::now() + kWakes; Clock::now() < awake;) attempt(tiles[0]);
  const Clock::time_point end = Clock::now() + kPerClass;
  timed.push_back(attempt(tiles[0]));
  if (timed.front().time < kNothingToGain) return timed;
  for (const Tile& tile : tiles.subspan(1))
    if (Clock::now() < end) timed.push_back(attempt(tile));
  timed.front().time = std::min(timed.front().time, attempt(tiles[0]).time);
  return timed;
}

}  // namespace dormouse::drivers::vulkan
