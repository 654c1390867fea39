#include "daemon/report/svg.h"

#include "daemon/report/html.h"

namespace dormouse::daemon {
namespace {

constexpr const char* kSheet =
    "<style>svg{background:#fff}text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}"
    ".line{fill:none;stroke-width:1.8}.a{stroke:#2563a8}.b{stroke:#c2571a}"
    ".c{stroke:#888;stroke-dasharray:4 3}.dot{fill:#222}.ka{fill:#2563a8}.kb{fill:#c2571a}</style>\n";

std::string opening(double width, double height, const std::string& title, const std::string& names) {
  return "<svg " + names + "viewBox=\"0 0 " + figure(width) + " " + figure(height) +
         "\" role=\"img\" aria-label=\"" + escaped(title) + "\">";
}

}  // namespace

std::string svg_text(double x, double y, const std::string& anchor, const std::string& text,
                     const std::string& style) {
  return "<text x=\"" + figure(x, 1) + "\" y=\"" + figure(y, 1) + "\" text-anchor=\"" + anchor + "\"" +
         (style.empty() ? "" : " class=\"" + style + "\"") + ">" + escaped(text) + "</text>\n";
}

std::string svg_rule(double left, double right, double y) {
  return "<path class=\"grid\" d=\"M" + figure(left) + " " + figure(y, 1) + "H" + figure(right) + "\"/>\n";
}

std::string svg_points(const Points& points) {
  std::string path;
  for (const auto& [x, y] : points) path += (path.empty() ? "M" : "L") + figure(x, 1) + " " + figure(y, 1);
  return path;
}

std::string svg_line(const Points& points, const std::string& style) {
  return "<path class=\"line" + (style.empty() ? "" : " " + style) + "\" d=\"" + svg_points(points) +
         "\"/>\n";
}

std::string svg_inline(double width, double height, const std::string& title, const std::string& body) {
  return opening(width, height, title, "") + body + "</svg>\n";
}

std::string svg_file(double width, double height, const std::string& title, const std::string& body) {
  return opening(width, height, title, "xmlns=\"http://www.w3.org/2000/svg\" ") + "\n" + kSheet + body +
         "</svg>\n";
}

}  // namespace dormouse::daemon
