#include "drivers/xnnpack/reserved.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "engine/tensor.h"

namespace dormouse::drivers::xnnpack {
namespace {

constexpr int kEmpty = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

}  // namespace

Scratch::~Scratch() {
  if (file_ >= 0) ::close(file_);
}

bool Scratch::lend(std::byte* to, std::size_t bytes) {
  if (lent_) return false;
  if (file_ < 0) file_ = ::memfd_create("dormouse-scratch", MFD_CLOEXEC);
  if (file_ < 0) return false;
  if (bytes > size_) {
    if (::ftruncate(file_, static_cast<off_t>(bytes)) != 0) return false;
    size_ = bytes;
  }
  constexpr int flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
  return lent_ = ::mmap(to, bytes, PROT_READ | PROT_WRITE, flags, file_, 0) != MAP_FAILED;
}

Reserved::Reserved(std::size_t size) : size_(size + engine::kReadSlack) {
  void* const range = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, kEmpty, -1, 0);
  if (range == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(range);
}

Reserved::~Reserved() {
  if (lender_) lender_->take_back();
  ::munmap(data_, size_);
}

void Reserved::take(Scratch& scratch) {
  if (scratch.lend(data_, size_)) lender_ = &scratch;
}

void Reserved::give_back() {
  if (!lender_) {
    ::madvise(data_, size_, MADV_DONTNEED);
    return;
  }
  // Where the system refuses, the scratch stays there until the addresses go.
  if (::mmap(data_, size_, PROT_READ | PROT_WRITE, kEmpty | MAP_FIXED, -1, 0) == MAP_FAILED) return;
  lender_->take_back();
  lender_ = nullptr;
}

}  // namespace dormouse::drivers::xnnpack
