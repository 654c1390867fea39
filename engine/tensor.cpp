#include "engine/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/kernels/convert.h"

namespace dormouse::engine {
namespace {

std::size_t checked_bytes(DType type, std::int64_t elements) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(elements), size_of(type), &bytes))
    throw Failure(Errc::too_large,
                  "a tensor of " + std::to_string(elements) + " elements does not fit in memory");
  return bytes;
}

}  // namespace

Tensor::Tensor(DType type, Shape shape)
    : type_(type),
      shape_(std::move(shape)),
      elements_(shape_.elements()),
      buffer_(Buffer::allocate(checked_bytes(type, elements_))),
      offset_(0) {}

Tensor::Tensor(DType type, Shape shape, std::shared_ptr<Buffer> buffer, std::size_t offset)
    : type_(type),
      shape_(std::move(shape)),
      elements_(shape_.elements()),
      buffer_(std::move(buffer)),
      offset_(offset) {
  ensure(offset_ <= buffer_->size() && checked_bytes(type_, elements_) <= buffer_->size() - offset_,
         "tensor lies inside its buffer");
}

Tensor Tensor::reshaped(Shape shape) const {
  ensure(shape.elements() == elements_, "reshape keeps the number of elements");
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

Tensor Tensor::rows(std::int64_t first, std::int64_t count) const {
  ensure(shape_.rank() > 0 && first >= 0 && count >= 0 && first + count <= shape_[0],
         "rows lie inside the tensor");
  Tensor result = *this;
  result.shape_[0] = count;
  result.elements_ = result.shape_.elements();
  const std::int64_t row = shape_.elements(1, shape_.rank());
  result.offset_ += static_cast<std::size_t>(first * row) * size_of(type_);
  return result;
}

Tensor Tensor::clone() const {
  Tensor result(type_, shape_);
  if (byte_size() > 0) std::memcpy(result.mutable_data(), data(), byte_size());
  return result;
}

Tensor Tensor::as(DType type) const {
  if (type == type_) return *this;
  Tensor result(type, shape_);
  convert(type_, data(), type, result.mutable_data(), static_cast<std::size_t>(elements_));
  return result;
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float x) { return std::isfinite(x); });
}

}  // namespace dormouse::engine
