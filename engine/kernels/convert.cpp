#include "engine/kernels/convert.h"

#include <cstdint>
#include <type_traits>

#include "engine/kernels/half.h"
#include "engine/kernels/half_rows.h"
#include "engine/kernels/saturate.h"

namespace dormouse::engine {
namespace {

// Booleans are read as bytes: any byte but 0 is true.
struct Boolean {
  std::uint8_t byte;
};

template <class T>
Widened<T> read(T value) {
  return widen(value);
}
std::uint8_t read(Boolean value) { return value.byte != 0; }

template <class Out, class In>
Out converted(In value) {
  if constexpr (is_half<Out>)
    return narrow<Out>(static_cast<float>(value));
  else if constexpr (std::is_same_v<Out, Boolean>)
    return {static_cast<std::uint8_t>(value != In{0})};
  else if constexpr (std::is_floating_point_v<In> && std::is_integral_v<Out>)
    return saturate<Out>(value);
  else
    return static_cast<Out>(value);
}

template <class In, class Out>
void loop(const std::byte* from, std::byte* to, std::size_t count) {
  const In* const source = reinterpret_cast<const In*>(from);
  Out* const target = reinterpret_cast<Out*>(to);
  if constexpr (std::is_same_v<In, float> && std::is_same_v<Out, Half>)
    return best_half_rows().narrow(source, target, static_cast<std::int64_t>(count));
  else if constexpr (std::is_same_v<In, Half> && std::is_same_v<Out, float>)
    return best_half_rows().widen(source, target, static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i) target[i] = converted<Out>(read(source[i]));
}

// Calls f with a null pointer to the C++ type of `type`.
template <class F>
void with_type(DType type, F f) {
  switch (type) {
    case DType::f32:
      return f(static_cast<float*>(nullptr));
    case DType::f64:
      return f(static_cast<double*>(nullptr));
    case DType::f16:
      return f(static_cast<Half*>(nullptr));
    case DType::bf16:
      return f(static_cast<BFloat16*>(nullptr));
    case DType::i8:
      return f(static_cast<std::int8_t*>(nullptr));
    case DType::u8:
      return f(static_cast<std::uint8_t*>(nullptr));
    case DType::i16:
      return f(static_cast<std::int16_t*>(nullptr));
    case DType::u16:
      return f(static_cast<std::uint16_t*>(nullptr));
    case DType::i32:
      return f(static_cast<std::int32_t*>(nullptr));
    case DType::u32:
      return f(static_cast<std::uint32_t*>(nullptr));
    case DType::i64:
      return f(static_cast<std::int64_t*>(nullptr));
    case DType::u64:
      return f(static_cast<std::uint64_t*>(nullptr));
    case DType::boolean:
      return f(static_cast<Boolean*>(nullptr));
  }
}

}  // namespace

void convert(DType from_type, const std::byte* from, DType to_type, std::byte* to,
             std::size_t count) noexcept {
  with_type(from_type, [&]<class In>(In*) {
    with_type(to_type, [&]<class Out>(Out*) { loop<In, Out>(from, to, count); });
  });
}

}  // namespace dormouse::engine
