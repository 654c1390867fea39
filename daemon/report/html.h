#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace dormouse::daemon {

/// `text` as HTML text or attribute value: nothing in it is markup.
std::string escaped(std::string_view text);

/// A number of a report for people: at most `places` behind the point, no trailing zeros.
std::string figure(double value, int places = 2);
/// A fraction as "93.3 %".
std::string percentage(double fraction);

/// Numbers and text of a report that may lack them.
double number_at(const boost::json::object& object, std::string_view key, double otherwise = 0);
std::string text_at(const boost::json::object& object, std::string_view key);
/// The member, or an empty object or array.
const boost::json::object& object_at(const boost::json::object& object, std::string_view key);
const boost::json::array& array_at(const boost::json::object& object, std::string_view key);

}  // namespace dormouse::daemon
