#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dormouse::engine {

/// A dimension that is known only when inputs are: a batch, a sequence length.
inline constexpr std::int64_t kDynamic = -1;

/// The extents of a row-major tensor; no extents at all is a scalar.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) : extents_(extents) {}
  explicit Shape(std::vector<std::int64_t> extents) : extents_(std::move(extents)) {}
  explicit Shape(std::span<const std::int64_t> extents) : extents_(extents.begin(), extents.end()) {}

  std::size_t rank() const { return extents_.size(); }
  std::int64_t operator[](std::size_t axis) const { return extents_[axis]; }
  std::int64_t& operator[](std::size_t axis) { return extents_[axis]; }
  auto begin() const { return extents_.begin(); }
  auto end() const { return extents_.end(); }
  std::int64_t back() const { return extents_.back(); }
  const std::vector<std::int64_t>& extents() const { return extents_; }
  void push_back(std::int64_t extent) { extents_.push_back(extent); }

  /// No dimension is kDynamic.
  bool is_static() const;
  /// Product of all extents. Needs is_static(); throws Failure(too_large) when it leaves int64.
  std::int64_t elements() const;
  /// Product of the extents [first, last).
  std::int64_t elements(std::size_t first, std::size_t last) const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<std::int64_t> extents_;
};

/// Whether two extents may turn out the same: they are, or one of them is kDynamic.
constexpr bool compatible(std::int64_t a, std::int64_t b) { return a == b || a == kDynamic || b == kDynamic; }
/// The same of shapes, extent by extent; ranks must agree.
bool compatible(const Shape& a, const Shape& b);

/// "[2, ?, 4]" as errors and listings show it.
std::string to_string(const Shape& shape);

/// NumPy broadcasting of two shapes, dynamic extents included; nothing when they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// Maps a possibly negative axis to [0, rank); nothing when it is outside.
std::optional<std::size_t> normalise_axis(std::int64_t axis, std::size_t rank);

/// Element strides of a row-major tensor.
std::vector<std::int64_t> strides(const Shape& shape);

}  // namespace dormouse::engine
