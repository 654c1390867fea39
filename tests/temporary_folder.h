#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

/// A folder of this test's own, gone at its end; in RAM where there is such a place, because fault tests sync
/// thousands of times.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const bool has_ram = ::access("/dev/shm", W_OK) == 0;
    const auto parent = has_ram ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "dormouse-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp " + pattern);
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path / name; }
  std::string file(std::string_view name) const { return (path / name).string(); }

  std::filesystem::path path;
};
