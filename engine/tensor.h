#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "config/error.h"
#include "engine/dtype.h"
#include "engine/shape.h"

namespace dormouse::engine {

/// A run of bytes that tensors share: heap memory (64-byte aligned), a read-only mapping of a file, or what
/// is made when it is first read (on_demand.h).
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const std::byte* data() const {
    if (on_first_read_) keep();
    return data_;
  }
  /// Where data() is, or would be: a name for the bytes, which need not be there.
  const std::byte* address() const { return data_; }
  std::size_t size() const { return size_; }
  bool writable() const { return writable_; }
  /// Bytes from data() on that may be read, if not used: size() and those behind it.
  std::size_t readable() const { return size_ + slack_; }
  std::byte* writable_data() const;  ///< ensure()s writable()

  /// Zeroed heap memory; a few bytes beyond `size` may be read (not used) by vector kernels.
  static std::shared_ptr<Buffer> allocate(std::size_t size);

 protected:
  Buffer(std::byte* data, std::size_t size, bool writable, std::size_t slack = 0)
      : data_(data), size_(size), slack_(slack), writable_(writable) {}
  struct OnFirstRead {};
  /// Read-only; data() calls keep().
  Buffer(std::byte* data, std::size_t size, std::size_t slack, OnFirstRead)
      : data_(data), size_(size), slack_(slack), on_first_read_(true) {}

 private:
  /// Sees to it that the bytes are there from now on. Thread-safe.
  virtual void keep() const {}

  std::byte* data_;
  std::size_t size_;
  std::size_t slack_;
  bool writable_ = false;
  bool on_first_read_ = false;
};

/// Bytes that may be read past the end of every heap buffer and arena, as XNNPACK asks for.
inline constexpr std::size_t kReadSlack = 64;

/// Maps a whole file read-only. Throws Failure(not_found / io) naming `path`.
std::shared_ptr<Buffer> map_file(const std::string& path);
/// The same for a file that is open already; `name` is for errors.
std::shared_ptr<Buffer> map_file(int descriptor, const std::string& name);
/// Somebody else's bytes, read in place and never written; they must outlive every tensor on them.
std::shared_ptr<Buffer> borrow(std::span<const std::byte> bytes);

/// A contiguous row-major view on a shared Buffer. Copying a Tensor shares its elements.
///
/// Thread-safe to read from many threads; writers need exclusive use of the elements.
class Tensor {
 public:
  Tensor() : Tensor(DType::f32, Shape{0}) {}
  /// Zeroed heap storage.
  Tensor(DType type, Shape shape);
  /// A view; ensure()s that it lies inside `buffer`.
  Tensor(DType type, Shape shape, std::shared_ptr<Buffer> buffer, std::size_t offset);

  template <class T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <class T>
  static Tensor from(Shape shape, std::initializer_list<T> values) {
    return from<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor scalar(T value) {
    return from<T>(Shape{}, std::span<const T>(&value, 1));
  }

  DType dtype() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return elements_; }
  std::size_t byte_size() const { return static_cast<std::size_t>(elements_) * size_of(type_); }

  const std::byte* data() const { return buffer_->data() + offset_; }
  /// As Buffer::address().
  const std::byte* address() const { return buffer_->address() + offset_; }
  std::byte* mutable_data() { return buffer_->writable_data() + offset_; }
  std::span<const std::byte> bytes() const { return {data(), byte_size()}; }

  template <class T>
  std::span<const T> values() const {
    ensure(dtype_of<T> == type_, "tensor read as its own type");
    return {reinterpret_cast<const T*>(data()), static_cast<std::size_t>(elements_)};
  }
  template <class T>
  std::span<T> mutable_values() {
    ensure(dtype_of<T> == type_, "tensor written as its own type");
    return {reinterpret_cast<T*>(mutable_data()), static_cast<std::size_t>(elements_)};
  }

  /// The same elements under another shape of equal size (ensure()d).
  Tensor reshaped(Shape shape) const;
  /// Rows [first, first + count) of the first axis, shared.
  Tensor rows(std::int64_t first, std::int64_t count) const;
  /// A deep copy in heap storage.
  Tensor clone() const;
  /// Shares when the type is `type` already, else converts as kernels/convert.h does.
  Tensor as(DType type) const;

  const std::shared_ptr<Buffer>& buffer() const { return buffer_; }

 private:
  DType type_;
  Shape shape_;
  std::int64_t elements_;
  std::shared_ptr<Buffer> buffer_;
  std::size_t offset_;
};

template <class T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor(dtype_of<T>, std::move(shape));
  ensure(static_cast<std::size_t>(tensor.elements()) == values.size(), "values fill the shape");
  std::copy(values.begin(), values.end(), tensor.mutable_values<T>().begin());
  return tensor;
}

/// The values as a tensor of rank 1.
template <class T>
Tensor row_of(std::span<const T> values) {
  return Tensor::from<T>(Shape{static_cast<std::int64_t>(values.size())}, values);
}
template <class T>
Tensor row_of(const std::vector<T>& values) {
  return row_of(std::span(values));
}
template <class T>
Tensor row_of(std::initializer_list<T> values) {
  return row_of(std::span(values.begin(), values.size()));
}

bool all_finite(std::span<const float> values);

}  // namespace dormouse::engine
