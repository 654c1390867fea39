#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dormouse::daemon {

/// Fields of a JSON body. All throw Failure(invalid) naming the field, what was expected and what to send.

std::string text_field(const boost::json::object& body, std::string_view name,
                       std::optional<std::string> fallback = std::nullopt);
bool flag_field(const boost::json::object& body, std::string_view name);
/// A whole number ≥ 0.
std::uint64_t id_field(const boost::json::object& body, std::string_view name,
                       std::optional<std::uint64_t> fallback = std::nullopt);
/// Seconds as a number above 0, or a duration as configurations write it ("10min"); nothing when absent.
std::optional<double> seconds_field(const boost::json::object& body, std::string_view name);
/// `{"parameters": {"clip": true}}`: the input is a recording to be windowed and normalised.
bool clip_flag(const boost::json::object& body);
/// A whole number ≥ 0, from a path.
std::uint64_t id_text(std::string_view text, std::string_view what);

}  // namespace dormouse::daemon
