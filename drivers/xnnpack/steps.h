#pragma once

#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {

/// An operator made of several of XNNPACK's, element by element on values of one size. Without a `to` the
/// result is a new value.
class Steps {
 public:
  Steps(Builder& builder, Extents size) : builder_(builder), size_(std::move(size)) {}

  /// `type` is an xnn_unary_operator or xnn_binary_operator.
  Id unary(int type, Id from, Id to = kNoId);
  Id binary(int type, Id a, Id b, Id to = kNoId);
  Id clamp(Id from, float low, float high, Id to = kNoId);
  Id times(Id from, float factor, Id to = kNoId);
  Id plus(Id from, float addend, Id to = kNoId);

 private:
  Id target(Id to) { return to == kNoId ? builder_.temporary(size_) : to; }
  Builder& builder_;
  Extents size_;
};

}  // namespace dormouse::drivers::xnnpack
