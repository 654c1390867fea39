#include "drivers/xnnpack/reserved.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "engine/heap_buffer.h"
#include "engine/tensor.h"

namespace dormouse::drivers::xnnpack {
namespace {

/// What a scratch takes of addresses, which cost nothing: as filters get larger, it keeps the pages it has.
constexpr std::size_t kAddresses = 64 << 20;
/// Networks of smaller filters would not fill a huge page.
constexpr std::size_t kHuge = 2 << 20;

constexpr int kEmpty = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

/// Moves private pages; where they were stays taken.
bool move(std::byte* from, std::size_t bytes, std::byte* to) {
#ifdef MREMAP_DONTUNMAP
  constexpr int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  return ::mremap(from, bytes, bytes, flags, to) != MAP_FAILED;
#else
  return false;
#endif
}

}  // namespace

Scratch::~Scratch() {
  if (home_) ::munmap(home_, size_);
}

bool Scratch::lend(std::byte* to, std::size_t bytes) {
  if (lent_to_ || !grow(bytes) || !move(home_, bytes, to)) return false;
  lent_to_ = to;
  lent_ = bytes;
  return true;
}

bool Scratch::take_back() {
  if (!move(lent_to_, lent_, home_)) return false;
  lent_to_ = nullptr;
  return true;
}

bool Scratch::grow(std::size_t bytes) {
  if (bytes <= size_) return true;
  if (home_) ::munmap(home_, size_);
  size_ = 0;
  const std::size_t wanted = std::max(bytes, kAddresses);
  void* const range = ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, kEmpty, -1, 0);
  home_ = range == MAP_FAILED ? nullptr : static_cast<std::byte*>(range);
  if (!home_) return false;
  size_ = wanted;
  const std::size_t small = bytes < kHuge ? kHuge : 0;
  engine::prefer_huge_pages({home_ + small, size_ - small});
  return true;
}

Reserved::Reserved(std::size_t size) : size_(size + engine::kReadSlack) {
  void* const range = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, kEmpty, -1, 0);
  if (range == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(range);
}

Reserved::~Reserved() {
  if (lender_) give_back();
  ::munmap(data_, size_);
}

void Reserved::take(Scratch& scratch) {
  if (scratch.lend(data_, size_)) lender_ = &scratch;
}

void Reserved::give_back() {
  if (!lender_)
    ::madvise(data_, size_, MADV_DONTNEED);
  else if (lender_->take_back())
    lender_ = nullptr;
}

}  // namespace dormouse::drivers::xnnpack
