#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>
#include <string_view>

#include "daemon/http/connection.h"

/// What connection.cpp and connection_body.cpp share of Beast; nobody else includes it, since it compiles
/// slowly.
namespace dormouse::daemon {

struct Connection::Parser : boost::beast::http::request_parser<boost::beast::http::buffer_body> {};
struct Connection::Input : boost::beast::flat_buffer {};

inline constexpr std::size_t kReadSize = 16u << 10;  ///< bytes asked of a socket at once

inline std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// An error response with a status of HTTP's own.
Response plain_error(unsigned status, const Error& error);

/// What the parser's complaint answers; nothing when the client is simply gone.
std::optional<Response> parse_refusal(const boost::system::error_code& error);

}  // namespace dormouse::daemon
