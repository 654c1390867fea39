#include "drivers/xnnpack/rehearsal.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xnnpack.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <new>

#include "engine/heap_buffer.h"

namespace dormouse::drivers::xnnpack {
namespace {

thread_local Rehearsal* rehearsing = nullptr;

/// Smaller blocks are taken for real.
constexpr std::size_t kLarge = 64 << 10;

}  // namespace

/// Address ranges of any size, all over the same piece of memory.
struct Rehearsal::Blocks {
  static constexpr std::size_t kPiece = 1 << 20;

  Blocks() : piece(::memfd_create("dormouse-rehearsal", MFD_CLOEXEC)) {
    if (piece < 0 || ::ftruncate(piece, kPiece) != 0) throw std::bad_alloc();
  }
  ~Blocks() {
    for (const auto& [address, bytes] : ranges) ::munmap(address, bytes);
    ::close(piece);
  }

  std::byte* add(std::size_t bytes) {
    const std::size_t length = (bytes + kPiece - 1) / kPiece * kPiece;
    void* const range =
        ::mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) return nullptr;
    ranges[range] = length;
    auto* const first = static_cast<std::byte*>(range);
    for (std::size_t at = 0; at < length; at += kPiece)
      if (::mmap(first + at, kPiece, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, piece, 0) == MAP_FAILED)
        return nullptr;
    return first;
  }

  bool remove(void* address) {
    const auto range = ranges.find(address);
    if (range == ranges.end()) return false;
    ::munmap(range->first, range->second);
    ranges.erase(range);
    return true;
  }

  int piece;
  std::map<void*, std::size_t> ranges;
};

/// What XNNPACK calls.
struct Allocate {
  static void count(void* block, std::size_t (*change)(std::size_t, std::size_t)) {
    if (rehearsing && block)
      rehearsing->taken_.own = change(rehearsing->taken_.own, ::malloc_usable_size(block));
  }
  static std::size_t more(std::size_t sum, std::size_t bytes) { return sum + bytes; }
  // What was there before the rehearsal may go during it.
  static std::size_t less(std::size_t sum, std::size_t bytes) { return sum - std::min(sum, bytes); }

  static void* allocate(void*, std::size_t bytes) noexcept {
    void* const block = std::malloc(bytes);
    count(block, more);
    return block;
  }
  static void* reallocate(void*, void* block, std::size_t bytes) noexcept {
    count(block, less);
    void* const moved = std::realloc(block, bytes);
    count(moved ? moved : block, more);
    return moved;
  }
  static void deallocate(void*, void* block) noexcept {
    count(block, less);
    std::free(block);
  }
  static void* allocate_aligned(void*, std::size_t alignment, std::size_t bytes) noexcept {
    if (rehearsing && bytes >= kLarge) {
      rehearsing->taken_.workspace = std::max(rehearsing->taken_.workspace, bytes);
      return rehearsing->blocks_->add(bytes);
    }
    void* block = nullptr;
    if (::posix_memalign(&block, alignment, bytes) != 0) return nullptr;
    engine::prefer_huge_pages({static_cast<std::byte*>(block), bytes});
    count(block, more);
    return block;
  }
  static void deallocate_aligned(void*, void* block) noexcept {
    if (rehearsing && rehearsing->blocks_->remove(block)) return;
    deallocate(nullptr, block);
  }
};

const xnn_allocator& allocator() {
  static constexpr xnn_allocator ours{.context = nullptr,
                                      .allocate = Allocate::allocate,
                                      .reallocate = Allocate::reallocate,
                                      .deallocate = Allocate::deallocate,
                                      .aligned_allocate = Allocate::allocate_aligned,
                                      .aligned_deallocate = Allocate::deallocate_aligned};
  return ours;
}

Rehearsal::Rehearsal() : blocks_(std::make_unique<Blocks>()) {
  ensure(!rehearsing, "one rehearsal at a time");
  rehearsing = this;
}

Rehearsal::~Rehearsal() { rehearsing = nullptr; }

Rehearsal* Rehearsal::current() { return rehearsing; }

engine::ProgramMemory Rehearsal::taken() const { return taken_; }

std::byte* Rehearsal::weights(std::size_t bytes) {
  taken_.weights += bytes;
  return blocks_->add(bytes);
}

}  // namespace dormouse::drivers::xnnpack
