#pragma once

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "config/error.h"
#include "tests/engine/exact_buffer.h"

/// What tests of file formats share: scratch folders, files as strings, and files that are damaged.
namespace dormouse::engine {

/// A folder that goes when its owner does.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dormouse-test-XXXXXX").string();
    ensure(::mkdtemp(name.data()) != nullptr, "a scratch folder can be made");
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string file(std::string_view name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::shared_ptr<Buffer> buffer_of(std::string_view bytes) { return ExactBuffer::copy(bytes); }

/// What reading said: nothing when it worked.
template <class Read>
std::string refusal(Read read) {
  try {
    read();
  } catch (const Failure& failure) {
    return failure.error().context;
  }
  return {};
}

/// `file` as it is when each single bit of its first `head` bytes is flipped, and when it ends early at each
/// length. `read` may accept or throw Failure; anything else (a crash, another exception) fails the test.
template <class Read>
void survive_damage(const std::string& file, std::size_t head, Read read) {
  for (std::size_t length = 0; length < file.size(); ++length) {
    refusal([&] { read(buffer_of(std::string_view(file).substr(0, length))); });
  }
  for (std::size_t bit = 0; bit < std::min(head, file.size()) * 8; ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    refusal([&] { read(buffer_of(flipped)); });
  }
}

}  // namespace dormouse::engine
