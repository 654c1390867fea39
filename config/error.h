#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

/// The words every module shares: how things fail.
///
/// - The caller's next line decides: return Result<T>.
/// - The operation cannot do its job: throw Failure.
/// - Our own bug: ensure(condition) aborts in every build.
namespace dormouse {

enum class Errc : std::uint8_t {
  internal,      ///< the daemon's own fault
  invalid,       ///< the caller's input is wrong: value, shape, type, syntax
  not_found,     ///< no such model, episode, file, version
  unsupported,   ///< understood, but not something we can run
  corrupt,       ///< stored or given bytes contradict themselves
  conflict,      ///< the state forbids it now
  gone,          ///< it existed once and was let go
  too_large,     ///< over a stated limit
  unavailable,   ///< try again later
  expired,       ///< its deadline passed, or who asked is gone: not run, or not to the end
  denied,        ///< the caller's role may not
  io,            ///< the operating system refused
  configuration  ///< the configuration file is wrong
};

/// The stable word for `code` in JSON errors and logs.
std::string_view word(Errc code);

/// What failed, and on what: `context` names the file, operator or device and what to do about it.
struct Error {
  Error() = default;  // boost::system::result needs it
  Error(Errc what, std::string where) : code(what), context(std::move(where)) {}
  Errc code{};
  std::string context;
};

template <class T>
using Result = boost::system::result<T, Error>;

/// An Error on its way up the stack.
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)) {}
  Failure(Errc code, std::string context) : error_(code, std::move(context)) {}
  const Error& error() const noexcept { return error_; }
  const char* what() const noexcept override { return error_.context.c_str(); }

 private:
  Error error_;
};

/// Found by ADL: makes Result<T>::value() throw Failure.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location&);

/// Aborts with a message when an invariant of ours is broken; stays on in every build.
void ensure(bool condition, std::string_view what = "invariant",
            std::source_location where = std::source_location::current());

}  // namespace dormouse
