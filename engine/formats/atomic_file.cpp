#include "engine/formats/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "config/error.h"

namespace dormouse::engine {
namespace {

// Unique in this process by the counter, among processes by the id.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter = 0;
  return path + ".part-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(temporary_name(path_)) {
  // No O_EXCL: a leftover of a crashed process that had our id is ours to overwrite.
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("cannot create");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("cannot sync");
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) fail("cannot close");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename to");
  temporary_.clear();
  sync_folder();
}

// Without it the new name may be lost in a power cut although the content is safe.
void AtomicFile::sync_folder() const {
  const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
  const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail("cannot open the folder of");
  const int synced = ::fsync(folder);
  const int error = errno;
  ::close(folder);
  errno = error;
  if (synced != 0) fail("cannot sync the folder of");
}

void AtomicFile::fail(std::string_view what) const {
  const std::string reason = std::generic_category().message(errno);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  throw Failure(Errc::io, std::string(what) + " " + path_ + ": " + reason);
}

void write_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace dormouse::engine
