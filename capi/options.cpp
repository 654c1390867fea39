#include "capi/options.h"

#include <algorithm>

#include "capi/error.h"
#include "drivers/all_drivers.h"

using namespace dormouse;
using namespace dormouse::capi;

namespace {

constexpr int kMaxThreads = 1024;

void check_driver(const std::string& name) {
  std::string known = "reference";
  if (name == known) return;
  for (const engine::Driver* const driver : drivers::all_drivers()) {
    if (driver->name() == name) return;
    known += ", " + std::string(driver->name());
  }
  throw Failure(Errc::not_found, "driver '" + name + "': there is none here; there are " + known);
}

}  // namespace

dormouse_options* dormouse_options_new(void) { return new (std::nothrow) dormouse_options; }

void dormouse_options_free(dormouse_options* options) { delete options; }

dormouse_status dormouse_options_set_threads(dormouse_options* options, int threads, dormouse_error* error) {
  return guarded(error, [&] {
    require(options, "options");
    if (threads < 1 || threads > kMaxThreads)
      throw Failure(Errc::invalid,
                    std::to_string(threads) + " threads; from 1 to " + std::to_string(kMaxThreads));
    options->threads = static_cast<std::size_t>(threads);
  });
}

dormouse_status dormouse_options_set_driver(dormouse_options* options, const char* name,
                                            dormouse_error* error) {
  return guarded(error, [&] {
    require(options, "options");
    require(name, "the driver's name");
    check_driver(name);
    options->driver = name;
  });
}

dormouse_status dormouse_options_add_operator(dormouse_options* options, const dormouse_operator* op,
                                              dormouse_error* error) {
  return guarded(error, [&] {
    require(options, "options");
    require(op, "the operator");
    auto added = std::make_shared<const CustomOperator>(*op);
    const bool known = engine::find_op(added->domain, added->name) ||
                       std::ranges::any_of(options->operators, [&](const auto& other) {
                         return other->domain == added->domain && other->name == added->name;
                       });
    if (known)
      throw Failure(Errc::conflict, "operator " + std::string(added->domain) + "." +
                                        std::string(added->name) + ": there is one already");
    options->operators.push_back(std::move(added));
  });
}
