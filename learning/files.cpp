#include "learning/files.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "config/error.h"

namespace dormouse::learning {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refused(const fs::path& path, std::string_view what) {
  throw Failure(Errc::io, path.string() + ": " + std::string(what) + ": " + std::strerror(errno));
}

/// An open file that closes itself.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) refused(path_, "cannot open");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) refused(path_, "cannot write");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void sync() {
    if (::fsync(fd_) != 0) refused(path_, "cannot sync");
  }

 private:
  fs::path path_;
  int fd_;
};

}  // namespace

void Files::make_directory(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) throw Failure(Errc::io, path.string() + ": cannot make this folder: " + failed.message());
}

void Files::write(const fs::path& path, std::span<const std::byte> bytes) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(bytes);
  file.sync();
}

void Files::write(const fs::path& path, const engine::NamedTensors& tensors) {
  engine::write_safetensors(path.string(), tensors);
}

void Files::sync_directory(const fs::path& path) { Descriptor(path, O_RDONLY | O_DIRECTORY).sync(); }

void Files::rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) refused(to, "cannot rename to");
}

void Files::remove_all(const fs::path& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed) throw Failure(Errc::io, path.string() + ": cannot remove: " + failed.message());
}

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  std::array<char, 2 * digest.size() + 1> text{};
  sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  return text.data();
}

}  // namespace dormouse::learning
