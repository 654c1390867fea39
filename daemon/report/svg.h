#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dormouse::daemon {

/// Pieces of pictures, in units of their viewBox. Styles are classes: of the page's sheet, or of
/// svg_file()'s: "line" with a, b or c (blue, orange, grey), "grid", "dot", and "ka" and "kb" for text.

using Points = std::vector<std::pair<double, double>>;

/// Text whose `anchor` ("start", "middle" or "end") is at (x, y); nothing in it is markup.
std::string svg_text(double x, double y, const std::string& anchor, const std::string& text,
                     const std::string& style = "");
/// A level line of the grid.
std::string svg_rule(double left, double right, double y);
/// What a path through `points` has as its "d".
std::string svg_points(const Points& points);
std::string svg_line(const Points& points, const std::string& style = "");

/// A picture inside a page.
std::string svg_inline(double width, double height, const std::string& title, const std::string& body);
/// A picture as a file of its own, with its style sheet.
std::string svg_file(double width, double height, const std::string& title, const std::string& body);

}  // namespace dormouse::daemon
