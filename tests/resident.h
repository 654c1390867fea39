#pragma once

#include <cstddef>
#include <fstream>
#include <limits>
#include <string>

namespace dormouse {

/// A figure that the kernel gives in kB in a file of /proc (`VmRSS` of /proc/self/status), in bytes; 0 where
/// it is not given.
inline std::size_t proc_bytes(const std::string& file, const std::string& field) {
  std::ifstream lines(file);
  for (std::string word; lines >> word;) {
    std::size_t kilobytes = 0;
    if (word == field + ":" && lines >> kilobytes) return kilobytes * 1024;
    lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

inline std::size_t resident_bytes() { return proc_bytes("/proc/self/status", "VmRSS"); }

}  // namespace dormouse
