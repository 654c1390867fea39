#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

namespace dormouse::daemon {

/// A night for a person to read in the morning: one HTML page, with nothing from elsewhere and no script.
///
/// `sleep` is what GET /v1/sleeps/{id} answers, `versions` what GET /v1/models/{m}/versions does. All that
/// was named by people is escaped.
std::string night_page(const boost::json::object& sleep, const boost::json::array& versions);

}  // namespace dormouse::daemon
