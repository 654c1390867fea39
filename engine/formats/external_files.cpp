#include "engine/formats/external_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace dormouse::engine {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int get() const { return number_; }

 private:
  int number_;
};

std::vector<std::string> components(const std::string& location) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= location.size()) {
    const std::size_t end = std::min(location.find('/', start), location.size());
    std::string part = location.substr(start, end - start);
    if (part.empty() || part == ".." || part.find('\0') != std::string::npos) {
      throw Failure(Errc::denied, "external data '" + location + "': only paths beneath the model's folder");
    }
    if (part != ".") parts.push_back(std::move(part));
    start = end + 1;
  }
  return parts;
}

[[noreturn]] void fail(const std::string& location) {
  const int error = errno;
  if (error == ELOOP) throw Failure(Errc::denied, "external data '" + location + "': a symbolic link");
  const bool missing = error == ENOENT;
  throw Failure(missing ? Errc::not_found : Errc::io,
                "external data '" + location + "': " + std::generic_category().message(error) +
                    (missing ? "; it belongs into the model's folder" : ""));
}

// Component by component and never through a link, so no name leads out, whoever changes the folder
// meanwhile.
Descriptor open_beneath(const std::string& folder, const std::string& location) {
  const std::vector<std::string> parts = components(location);
  Descriptor at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < parts.size() && at.get() >= 0; ++i) {
    const int kind = i + 1 < parts.size() ? O_DIRECTORY : O_NONBLOCK;  // a pipe may not hold us up
    at = Descriptor(::openat(at.get(), parts[i].c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
  }
  if (at.get() < 0) fail(location);
  return at;
}

// Another name of a file may lie outside: whoever made this one may not have been able to read it.
void refuse_other_names(const Descriptor& file, const std::string& location) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(location);
  if (S_ISREG(status.st_mode) && status.st_nlink > 1)
    throw Failure(Errc::denied, "external data '" + location +
                                    "': has another name (a hard link), which may lie outside the model's "
                                    "folder; put a copy there");
}

}  // namespace

std::shared_ptr<Buffer> ExternalFiles::map(const std::string& location) {
  const auto found = mapped_.find(location);
  if (found != mapped_.end()) return found->second;
  const Descriptor descriptor = open_beneath(folder_, location);
  refuse_other_names(descriptor, location);
  return mapped_[location] = map_file(descriptor.get(), "external data '" + location + "'");
}

std::vector<std::shared_ptr<Buffer>> ExternalFiles::mapped() const {
  std::vector<std::shared_ptr<Buffer>> buffers;
  for (const auto& [location, buffer] : mapped_) buffers.push_back(buffer);
  return buffers;
}

}  // namespace dormouse::engine
