#include "learning/versions.h"

#include <algorithm>

#include "config/text.h"
#include "learning/manifest.h"

namespace dormouse::learning {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kFisher = "fisher.safetensors";
constexpr const char* kKernel = "kernel.safetensors";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kNext = "next";  // the number that the next commit takes
constexpr std::string_view kWriting = ".writing-";

std::optional<std::int64_t> number_in(std::string_view text) {
  const auto number = config::parse_number<std::int64_t>(text);
  return number && *number > 0 ? number : std::nullopt;
}

std::string_view text_of(const engine::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

std::span<const std::byte> bytes_of(const engine::Buffer& buffer) { return {buffer.data(), buffer.size()}; }

/// The tensors of `file`, after its hash.
Parameters checked(const fs::path& file, const Manifest& manifest) {
  const auto expected = manifest.sha256.find(file.filename());
  if (expected == manifest.sha256.end())
    throw Failure(Errc::corrupt, file.string() + ": not in the manifest");
  const auto bytes = engine::map_file(file.string());
  if (sha256(bytes_of(*bytes)) != expected->second)
    throw Failure(Errc::corrupt, file.string() + ": its SHA-256 is not the manifest's");
  return engine::read_safetensors(bytes, file.string()).tensors;
}

void check_shapes(const Parameters& weights, const Manifest& manifest, const fs::path& file) {
  for (const auto& [name, shape] : manifest.shapes) {
    const auto found = weights.find(name);
    if (found == weights.end() || found->second.shape() != shape)
      throw Failure(Errc::corrupt, file.string() + ": tensor '" + name + "' is not " + to_string(shape) +
                                       " as the manifest says");
  }
}

std::optional<KernelSeat> kernel_in(const fs::path& folder) {
  const std::string file = (folder / kKernel).string();
  if (!fs::exists(file)) return std::nullopt;
  return unpacked_seat(engine::read_safetensors(file), file);
}

Version load_from(const fs::path& folder, std::int64_t number) {
  const fs::path manifest_file = folder / kManifest;
  const auto text = engine::map_file(manifest_file.string());
  Manifest manifest = parse_manifest(text_of(*text), manifest_file.string());
  if (manifest.version.number != number)
    throw Failure(Errc::corrupt, manifest_file.string() + ": is the manifest of version " +
                                     std::to_string(manifest.version.number));
  Version version = std::move(manifest.version);
  version.weights = checked(folder / kWeights, manifest);
  check_shapes(version.weights, manifest, folder / kWeights);
  if (manifest.sha256.contains(kFisher)) version.fisher = checked(folder / kFisher, manifest);
  version.kernel = kernel_in(folder);
  return version;
}

Manifest describe(const Version& version) {
  Manifest manifest{version, {}, {}};
  for (const auto& [name, tensor] : version.weights) manifest.shapes.emplace(name, tensor.shape());
  return manifest;
}

}  // namespace

VersionStore::VersionStore(fs::path folder, Files& files, ModelFile of)
    : folder_(std::move(folder)), files_(&files), of_(std::move(of)) {
  files_->make_directory(folder_);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
    if (entry.path().filename().string().starts_with(kWriting)) files_->remove_all(entry.path());
}

std::vector<std::int64_t> VersionStore::numbers() const {
  std::vector<std::int64_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
    if (entry.is_directory())
      if (const auto number = number_in(entry.path().filename().string())) found.push_back(*number);
  std::ranges::sort(found);
  return found;
}

std::int64_t VersionStore::take_number() {
  const auto present = numbers();
  std::int64_t number = present.empty() ? 1 : present.back() + 1;
  if (fs::exists(folder_ / kNext)) {
    // A damaged counter is no reason not to learn: the folders say what was used.
    const auto text = engine::map_file((folder_ / kNext).string());
    number = std::max(number, number_in(text_of(*text)).value_or(number));
  }
  const std::string next = std::to_string(number + 1);
  const fs::path temporary = folder_ / (std::string(kWriting) + kNext);
  files_->write(temporary, std::as_bytes(std::span(next)));
  files_->rename(temporary, folder_ / kNext);
  files_->sync_directory(folder_);
  return number;
}

std::int64_t VersionStore::commit(const Version& version) {
  Manifest manifest = describe(version);
  manifest.version.number = take_number();
  manifest.version.file = of_.digest;
  const std::string name = std::to_string(manifest.version.number);
  const fs::path temporary = folder_ / (std::string(kWriting) + name);
  files_->make_directory(temporary);
  const auto write = [&](const char* file, const Parameters& tensors) {
    files_->write(temporary / file, engine::NamedTensors{tensors, {}});
    manifest.sha256.emplace(file, sha256(bytes_of(*engine::map_file((temporary / file).string()))));
  };
  write(kWeights, version.weights);
  if (!version.fisher.empty()) write(kFisher, version.fisher);
  if (version.kernel) files_->write(temporary / kKernel, packed(*version.kernel));
  const std::string text = to_json(manifest);
  files_->write(temporary / kManifest, std::as_bytes(std::span(text)));
  files_->sync_directory(temporary);
  files_->rename(temporary, folder_ / name);
  files_->sync_directory(folder_);
  return manifest.version.number;
}

std::optional<std::optional<KernelSeat>> VersionStore::forget(const std::function<bool(std::uint64_t)>& gone,
                                                              std::int64_t in_service) {
  std::optional<std::optional<KernelSeat>> changed;
  for (const std::int64_t number : numbers()) {
    const fs::path folder = folder_ / std::to_string(number), file = folder / kKernel;
    if (!fs::exists(file)) continue;
    std::optional<KernelSeat> seat;
    try {
      seat = kernel_in(folder);
      if (std::ranges::none_of(seat->examples.episodes, gone)) continue;
      seat = number == in_service ? without(*seat, gone) : std::nullopt;
    } catch (const Failure&) {
      seat.reset();  // damaged: what it holds cannot be told
    }
    if (seat)
      files_->write(file, packed(*seat));
    else
      files_->remove_all(file);
    files_->sync_directory(folder);
    if (number == in_service) changed = std::move(seat);
  }
  return changed;
}

Version VersionStore::load(std::int64_t number) const {
  const fs::path folder = folder_ / std::to_string(number);
  if (!fs::is_directory(folder))
    throw Failure(Errc::not_found, folder_.string() + ": there is no version " + std::to_string(number));
  try {
    Version version = load_from(folder, number);
    const bool ours = version.file.empty() ? of_.first : version.file == of_.digest;
    if (!of_.digest.empty() && !ours)
      throw Failure(Errc::conflict, "version " + std::to_string(number) +
                                        " was learnt on another file of the model than is there now");
    return version;
  } catch (const Failure& failure) {
    // A file of a whole version that is missing is damage, not a wrong question.
    if (failure.error().code == Errc::not_found) throw Failure(Errc::corrupt, failure.error().context);
    throw;
  }
}

std::vector<VersionSummary> VersionStore::list() const {
  std::vector<VersionSummary> summaries;
  for (const std::int64_t number : numbers()) {
    VersionSummary& summary = summaries.emplace_back();
    summary.number = number;
    try {
      Version version = load(number);
      summary = {
          number, version.parent, version.sleep, version.time, version.accepted, std::move(version.labels),
          {}};
    } catch (const Failure& failure) {
      summary.damage = failure.error().context;
    }
  }
  return summaries;
}

std::optional<Version> VersionStore::last_good(
    std::int64_t at_most, const std::function<void(std::int64_t, const Error&)>& skipped) const {
  auto present = numbers();
  std::ranges::reverse(present);
  for (const std::int64_t number : present) {
    if (number > at_most) continue;
    try {
      Version version = load(number);
      if (version.accepted) return version;
    } catch (const Failure& failure) {
      if (skipped) skipped(number, failure.error());
    }
  }
  return std::nullopt;
}

}  // namespace dormouse::learning
