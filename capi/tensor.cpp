#include "capi/tensor.h"

#include <algorithm>
#include <array>

namespace dormouse::capi {
namespace {

using engine::DType;

constexpr std::array<std::pair<DType, dormouse_type>, 13> kTypes{{{DType::f32, DORMOUSE_F32},
                                                                  {DType::f64, DORMOUSE_F64},
                                                                  {DType::f16, DORMOUSE_F16},
                                                                  {DType::bf16, DORMOUSE_BF16},
                                                                  {DType::i8, DORMOUSE_I8},
                                                                  {DType::u8, DORMOUSE_U8},
                                                                  {DType::i16, DORMOUSE_I16},
                                                                  {DType::u16, DORMOUSE_U16},
                                                                  {DType::i32, DORMOUSE_I32},
                                                                  {DType::u32, DORMOUSE_U32},
                                                                  {DType::i64, DORMOUSE_I64},
                                                                  {DType::u64, DORMOUSE_U64},
                                                                  {DType::boolean, DORMOUSE_BOOL}}};

}  // namespace

dormouse_type type_of(DType type) {
  return std::ranges::find(kTypes, type, &std::pair<DType, dormouse_type>::first)->second;
}

DType dtype_of(dormouse_type type, const std::string& what) {
  const auto found = std::ranges::find(kTypes, type, &std::pair<DType, dormouse_type>::second);
  if (found == kTypes.end())
    throw Failure(Errc::invalid,
                  what + ": " + std::to_string(static_cast<int>(type)) + " is no dormouse_type");
  return found->first;
}

engine::Shape shape_of(int32_t rank, const int64_t* shape, std::int64_t least, const std::string& what) {
  if (rank < 0) throw Failure(Errc::invalid, what + ": a rank of " + std::to_string(rank));
  if (rank == 0) return {};
  if (!shape) throw Failure(Errc::invalid, what + ": its shape is NULL");
  const std::span<const std::int64_t> extents(shape, static_cast<std::size_t>(rank));
  for (const std::int64_t extent : extents)
    if (extent < least) throw Failure(Errc::invalid, what + ": an extent of " + std::to_string(extent));
  return engine::Shape(extents);
}

engine::Tensor borrowed(const dormouse_tensor& tensor, const std::string& what) {
  const DType type = dtype_of(tensor.type, what);
  engine::Shape shape = shape_of(tensor.rank, tensor.shape, 0, what);
  const auto elements = static_cast<std::size_t>(shape.elements());
  if (elements > tensor.bytes / size_of(type))
    throw Failure(Errc::invalid, what + ": " + std::string(word(type)) + " " + to_string(shape) + " takes " +
                                     std::to_string(elements) + " times " + std::to_string(size_of(type)) +
                                     " bytes; its buffer has " + std::to_string(tensor.bytes));
  if (!tensor.data && elements > 0) throw Failure(Errc::invalid, what + ": its data is NULL");
  const std::size_t bytes = tensor.data ? tensor.bytes : 0;
  return {type, std::move(shape), engine::borrow({static_cast<const std::byte*>(tensor.data), bytes}), 0};
}

dormouse_tensor described(const engine::View& view) {
  return {type_of(view.dtype), static_cast<int32_t>(view.shape->rank()), view.shape->extents().data(),
          view.data, static_cast<std::size_t>(view.elements()) * size_of(view.dtype)};
}

dormouse_tensor described(const engine::InferContext::Slot& slot) {
  dormouse_tensor tensor{type_of(slot.dtype), DORMOUSE_UNKNOWN_RANK, nullptr, nullptr, 0};
  if (slot.shape_known) {
    tensor.rank = static_cast<int32_t>(slot.shape.rank());
    tensor.shape = slot.shape.extents().data();
  }
  if (slot.constant) {
    tensor.data = const_cast<std::byte*>(slot.constant->data());
    tensor.bytes = slot.constant->byte_size();
  }
  return tensor;
}

}  // namespace dormouse::capi
