#include "daemon/service/sysfs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace dormouse::daemon {

namespace fs = std::filesystem;

std::string text_of(const std::string& folder, const char* file) {
  std::ifstream stream(fs::path(folder) / file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string line_of(const std::string& folder, const char* file) {
  std::string line = text_of(folder, file);
  line.resize(std::min(line.find('\n'), line.size()));
  std::erase(line, '\0');
  return line;
}

std::vector<std::string> entries(const std::string& folder, const char* inner, std::string_view prefix) {
  std::vector<std::string> found;
  std::error_code missing;
  for (fs::directory_iterator at(fs::path(folder) / inner, missing), end; !missing && at != end;
       at.increment(missing))
    if (at->path().filename().native().starts_with(prefix)) found.push_back(at->path().native());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace dormouse::daemon
