#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

/// A folder that goes away with the test; in RAM where there is such a place, because fault tests sync
/// thousands of times.
struct TemporaryFolder {
  TemporaryFolder() {
    const bool has_ram = ::access("/dev/shm", W_OK) == 0;
    const auto parent = has_ram ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string name = (parent / "dormouse-memory-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path path;
};
