#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace dormouse::memory::sqlite {

/// A file layer for SQLite that counts what is written and leaves the rest to another layer.
///
/// The count is of bytes handed to the operating system, whatever the file: database, log, temporary. Not
/// thread-safe, as the connection that uses it. It outlives every connection on it.
class MeteredFiles {
 public:
  /// `parent` is SQLite's name for the layer beneath; empty: the system's.
  explicit MeteredFiles(const std::string& parent);
  ~MeteredFiles();
  MeteredFiles(const MeteredFiles&) = delete;
  MeteredFiles& operator=(const MeteredFiles&) = delete;

  const std::string& name() const;
  std::uint64_t bytes_written() const;

 private:
  struct Layer;
  std::unique_ptr<Layer> layer_;
};

}  // namespace dormouse::memory::sqlite
