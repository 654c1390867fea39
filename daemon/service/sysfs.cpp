#include "daemon/service/sysfs.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace dormouse::daemon {

namespace fs = std::filesystem;

std::string line_of(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  std::erase(line, '\0');
  return line;
}

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<fs::path> entries(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code missing;
  for (fs::directory_iterator at(folder, missing), end; !missing && at != end; at.increment(missing))
    if (at->path().filename().native().starts_with(prefix)) found.push_back(at->path());
  std::ranges::sort(found, {}, &fs::path::native);
  return found;
}

}  // namespace dormouse::daemon
