#include "capi/error.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace dormouse::capi {
namespace {

constexpr std::array<std::pair<Errc, dormouse_status>, 13> kCodes{{{Errc::internal, DORMOUSE_INTERNAL},
                                                                   {Errc::invalid, DORMOUSE_INVALID},
                                                                   {Errc::not_found, DORMOUSE_NOT_FOUND},
                                                                   {Errc::unsupported, DORMOUSE_UNSUPPORTED},
                                                                   {Errc::corrupt, DORMOUSE_CORRUPT},
                                                                   {Errc::conflict, DORMOUSE_CONFLICT},
                                                                   {Errc::too_large, DORMOUSE_TOO_LARGE},
                                                                   {Errc::unavailable, DORMOUSE_UNAVAILABLE},
                                                                   {Errc::denied, DORMOUSE_DENIED},
                                                                   {Errc::io, DORMOUSE_IO},
                                                                   {Errc::gone, DORMOUSE_NOT_FOUND},
                                                                   {Errc::expired, DORMOUSE_UNAVAILABLE},
                                                                   {Errc::configuration, DORMOUSE_INVALID}}};

/// The longest beginning of `text` that fits and cuts no character of UTF-8 in two.
std::size_t fitting(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text.size();
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xC0) == 0x80) --room;
  return room;
}

}  // namespace

dormouse_status status_of(Errc code) {
  return std::ranges::find(kCodes, code, &std::pair<Errc, dormouse_status>::first)->second;
}

Errc errc_of(dormouse_status status) {
  const auto found = std::ranges::find(kCodes, status, &std::pair<Errc, dormouse_status>::second);
  return found == kCodes.end() ? Errc::internal : found->first;
}

dormouse_status report(dormouse_error* error, dormouse_status code, const char* message) noexcept {
  if (!error) return code;
  error->code = code;
  const std::size_t length = fitting(message, sizeof error->message - 1);
  std::memcpy(error->message, message, length);
  error->message[length] = '\0';
  return code;
}

void require(const void* pointer, const char* what) {
  if (!pointer) throw Failure(Errc::invalid, std::string(what) + " is NULL");
}

}  // namespace dormouse::capi

const char* dormouse_version(void) { return DORMOUSE_VERSION; }
