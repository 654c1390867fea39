#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace dormouse::engine {

/// A file that appears under its name whole and durable, or not at all: written beside it, synced, renamed.
///
/// Everything throws Failure(io) naming the path; what was not committed is removed again.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Returns once the file and its name are on disk.
  void commit();

 private:
  [[noreturn]] void fail(std::string_view what) const;
  void sync_folder() const;

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

/// `text` as the whole of the file `path`.
void write_file(const std::string& path, std::string_view text);

}  // namespace dormouse::engine
