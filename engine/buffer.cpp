#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

#include "config/wipe.h"
#include "engine/heap_buffer.h"
#include "engine/mapped.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kAlignment = 64;
/// From here on a buffer of whole pages wastes little.
constexpr std::size_t kLarge = 256 << 10;
constexpr std::size_t kPage = 4096;  // pages may be larger, not smaller
/// Linux maps that many bytes around the one that is read; whole pages, whatever their size.
constexpr std::uintptr_t kAround = 64 << 10;

/// Bytes behind `end`, which follows a readable byte, that are readable because that page is.
std::size_t rest_of_page(const std::byte* end) {
  return (kPage - reinterpret_cast<std::uintptr_t>(end) % kPage) % kPage;
}

class HeapBuffer final : public Buffer {
 public:
  HeapBuffer(std::size_t size, std::pmr::memory_resource& memory) : HeapBuffer({}, size, memory) {}
  /// Begins with `content`, and goes on with zeros.
  HeapBuffer(std::span<const std::byte> content, std::size_t size, std::pmr::memory_resource& memory)
      : Buffer(allocate(content, size, memory), size, true, kReadSlack), memory_(memory) {}
  ~HeapBuffer() override {
    wipe(std::span(writable_data(), size()));
    memory_.deallocate(writable_data(), padded(size()), kAlignment);
  }

 private:
  static std::size_t padded(std::size_t size) {
    return (size + kReadSlack + kAlignment - 1) / kAlignment * kAlignment;
  }
  static std::byte* allocate(std::span<const std::byte> content, std::size_t size,
                             std::pmr::memory_resource& memory) {
    if (size > SIZE_MAX - kReadSlack - kAlignment) throw std::bad_alloc();
    auto* const bytes = static_cast<std::byte*>(memory.allocate(padded(size), kAlignment));
    if (!content.empty()) std::memcpy(bytes, content.data(), content.size());
    std::memset(bytes + content.size(), 0, padded(size) - content.size());
    return bytes;
  }

  std::pmr::memory_resource& memory_;
};

class Pages final : public Buffer {
 public:
  explicit Pages(std::size_t size) : Buffer(map(size + kReadSlack), size, true, kReadSlack) {}
  ~Pages() override { ::munmap(writable_data(), size() + kReadSlack); }

 private:
  static std::byte* map(std::size_t size) {
    void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    prefer_huge_pages({static_cast<std::byte*>(pages), size});
    return static_cast<std::byte*>(pages);
  }
};

class MappedFile final : public Buffer {
 public:
  MappedFile(void* data, std::size_t size)
      : Buffer(static_cast<std::byte*>(data), size, false,
               size > 0 ? rest_of_page(static_cast<std::byte*>(data) + size) : 0) {}
  ~MappedFile() override {
    if (size() > 0) ::munmap(const_cast<std::byte*>(data()), size());
  }
};

class BorrowedBytes final : public Buffer {
 public:
  explicit BorrowedBytes(std::span<const std::byte> bytes)
      : Buffer(const_cast<std::byte*>(bytes.data()), bytes.size(), false,
               bytes.empty() ? 0 : rest_of_page(bytes.data() + bytes.size())) {}
};

[[noreturn]] void fail(const std::string& path) {
  const int error = errno;
  throw Failure(error == ENOENT ? Errc::not_found : Errc::io, path + ": " + std::strerror(error));
}

struct File {
  int descriptor;
  ~File() { ::close(descriptor); }
};

}  // namespace

void prefer_huge_pages(std::span<std::byte> memory) noexcept {
#ifdef MADV_HUGEPAGE
  constexpr std::size_t kHuge = 2 << 20;
  const std::size_t before = rest_of_page(memory.data());
  if (memory.size() < kHuge + before) return;
  // It is advice: where there are none, pages stay small.
  ::madvise(memory.data() + before, memory.size() - before, MADV_HUGEPAGE);
#endif
}

std::byte* Buffer::writable_data() const {
  ensure(writable_, "buffer is writable");
  return data_;
}

std::shared_ptr<Buffer> heap_buffer(std::size_t size, std::pmr::memory_resource& memory) {
  return std::make_shared<HeapBuffer>(size, memory);
}

std::shared_ptr<Buffer> heap_copy(std::span<const std::byte> bytes) {
  return std::make_shared<HeapBuffer>(bytes, bytes.size(), *std::pmr::new_delete_resource());
}

std::shared_ptr<Buffer> Buffer::allocate(std::size_t size) {
  return heap_buffer(size, *std::pmr::new_delete_resource());
}

std::shared_ptr<Buffer> lasting_buffer(std::size_t size) {
  if (size < kLarge || size > SIZE_MAX - kReadSlack) return Buffer::allocate(size);
  return std::make_shared<Pages>(size);
}

bool is_mapped(const Tensor& tensor) { return dynamic_cast<const MappedFile*>(tensor.buffer().get()); }

void release_pages(const Tensor& tensor) {
  if (!is_mapped(tensor)) return;
  const Buffer& file = *tensor.buffer();
  const auto begin = reinterpret_cast<std::uintptr_t>(file.data());
  const auto from = reinterpret_cast<std::uintptr_t>(tensor.data());
  const std::uintptr_t first = std::max(begin, from / kAround * kAround);
  const std::uintptr_t last =
      std::min(begin + file.size(), (from + tensor.byte_size() + kAround - 1) / kAround * kAround);
  // It is advice: where it is not taken, the pages stay.
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

std::shared_ptr<Buffer> map_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path);
  const File file{descriptor};
  return map_file(descriptor, path);
}

std::shared_ptr<Buffer> map_file(int descriptor, const std::string& name) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) fail(name);
  if (!S_ISREG(status.st_mode)) throw Failure(Errc::invalid, name + ": not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return std::make_shared<MappedFile>(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (data == MAP_FAILED) fail(name);
  return std::make_shared<MappedFile>(data, size);
}

std::shared_ptr<Buffer> borrow(std::span<const std::byte> bytes) {
  return std::make_shared<BorrowedBytes>(bytes);
}

}  // namespace dormouse::engine
