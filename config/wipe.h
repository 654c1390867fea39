#pragma once

#include <cstring>
#include <span>
#include <type_traits>

namespace dormouse {

/// Zeros that the compiler cannot leave out because nobody reads them: for memory that held somebody's input
/// or latent, before it is given back.
template <class T>
void wipe(std::span<T> values) {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T>);
  if (!values.empty()) ::explicit_bzero(values.data(), values.size_bytes());
}

}  // namespace dormouse
