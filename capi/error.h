#pragma once

#include <exception>
#include <new>

#include "capi/dormouse.h"
#include "config/error.h"

/// How failures leave the library: as a status and a message, never as an exception.
namespace dormouse::capi {

dormouse_status status_of(Errc code);
Errc errc_of(dormouse_status status);

/// Fills in `error`, if there is one; returns `code`.
dormouse_status report(dormouse_error* error, dormouse_status code, const char* message) noexcept;

/// Throws Failure(invalid) naming `what` when it is NULL.
void require(const void* pointer, const char* what);

/// Runs the body of a function of dormouse.h.
template <class Body>
dormouse_status guarded(dormouse_error* error, Body body) noexcept {
  try {
    body();
    return report(error, DORMOUSE_OK, "");
  } catch (const Failure& failure) {
    return report(error, status_of(failure.error().code), failure.what());
  } catch (const std::bad_alloc&) {
    return report(error, DORMOUSE_TOO_LARGE, "out of memory");
  } catch (const std::exception& exception) {
    return report(error, DORMOUSE_INTERNAL, exception.what());
  }
}

}  // namespace dormouse::capi
