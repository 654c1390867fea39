#include "config/error.h"

#include <cstdio>
#include <cstdlib>

namespace dormouse {

std::string_view word(Errc code) {
  switch (code) {
    case Errc::internal:
      return "internal";
    case Errc::invalid:
      return "invalid";
    case Errc::not_found:
      return "not_found";
    case Errc::unsupported:
      return "unsupported";
    case Errc::corrupt:
      return "corrupt";
    case Errc::conflict:
      return "conflict";
    case Errc::gone:
      return "gone";
    case Errc::too_large:
      return "too_large";
    case Errc::unavailable:
      return "unavailable";
    case Errc::expired:
      return "expired";
    case Errc::denied:
      return "denied";
    case Errc::io:
      return "io";
    case Errc::configuration:
      return "configuration";
  }
  return "internal";
}

void throw_exception_from_error(const Error& error, const boost::source_location&) { throw Failure(error); }

void ensure(bool condition, std::string_view what, std::source_location where) {
  if (condition) return;
  std::fprintf(stderr, "dormouse: bug at %s:%u: %.*s does not hold\n", where.file_name(),
               static_cast<unsigned>(where.line()), static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace dormouse
