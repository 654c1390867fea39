#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace dormouse::engine {

template <class Signature>
class FunctionRef;

/// A function that is borrowed for the call it is passed to: two words, and nothing is allocated. What takes
/// one is compiled once, not anew for every lambda.
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, FunctionRef>)
      FunctionRef(const F& function)  // a lambda is passed as it is
      : function_(std::addressof(function)), call_([](const void* f, Arguments... arguments) -> Result {
          return (*static_cast<const F*>(f))(std::forward<Arguments>(arguments)...);
        }) {}

  Result operator()(Arguments... arguments) const {
    return call_(function_, std::forward<Arguments>(arguments)...);
  }

 private:
  const void* function_;
  Result (*call_)(const void*, Arguments...);
};

}  // namespace dormouse::engine
