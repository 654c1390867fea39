#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "drivers/digest.h"
#include "engine/tensor.h"

namespace dormouse::drivers::xnnpack {

/// Packed weights in files, which every process maps and so shares.
///
/// A file is named by the digest of all that its content depends on, under a key that the folder keeps. What
/// is found is not trusted: whatever is not as it was written is taken for missing, and written anew. Files
/// appear whole, by rename; they are not synced, as they can be made again. The least recently used go when
/// there are too many bytes. Where files cannot be written, nothing is kept, and nothing fails. Thread-safe.
class PackedFiles {
 public:
  /// `folder` is made where it is missing, and must be nobody else's to write. Packs of fewer bytes than
  /// `least` are not worth a file.
  explicit PackedFiles(std::filesystem::path folder, std::size_t limit = std::size_t{1} << 30,
                       std::size_t least = 16 << 10);

  bool usable() const { return key_.has_value(); }
  std::size_t least() const { return least_; }
  /// For what is to be kept here, and where it is kept: begun with what this build packs for this CPU. Needs
  /// usable().
  Digester digester() const;

  /// The bytes that were inserted under `name`, or null.
  std::shared_ptr<engine::Buffer> find(const Digest& name) const;
  /// Keeps `bytes` and returns them as find() does; null where that fails.
  std::shared_ptr<engine::Buffer> insert(const Digest& name, std::span<const std::byte> bytes);

 private:
  std::filesystem::path file(const Digest& name) const;
  Digest checksum(const Digest& name, std::span<const std::byte> bytes) const;
  std::shared_ptr<engine::Buffer> map(int descriptor, const Digest& name) const;
  void make_room(std::size_t bytes);

  std::filesystem::path folder_;
  std::size_t limit_, least_;
  std::optional<Digester::Key> key_;
  std::mutex mutex_;
  std::optional<std::size_t> kept_;  ///< bytes in the folder, once they were counted
};

}  // namespace dormouse::drivers::xnnpack
