#include "daemon/report/charts.h"

#include <algorithm>
#include <map>

#include "daemon/report/html.h"

namespace dormouse::daemon {
namespace {

std::string rectangle(double x, double y, double width, double height, const std::string& style) {
  return "<rect class=\"" + style + "\" x=\"" + figure(x) + "\" y=\"" + figure(y) + "\" width=\"" +
         figure(std::max(width, 0.0)) + "\" height=\"" + figure(height) + "\" rx=\"1.5\"/>";
}

}  // namespace

std::string line_chart(const Points& points, const std::string& x_title) {
  if (points.size() < 2) return "";
  constexpr double kLeft = 52, kRight = 632, kTop = 12, kBottom = 168;
  const auto by_value = [](const auto& a, const auto& b) { return a.second < b.second; };
  const double low = std::ranges::min(points, by_value).second,
               high = std::ranges::max(points, by_value).second;
  const double first = points.front().first, last = points.back().first;
  const auto x = [&](double at) {
    return kLeft + (kRight - kLeft) * (at - first) / std::max(last - first, 1e-9);
  };
  const auto y = [&](double at) {
    return kBottom - (kBottom - kTop) * (at - low) / std::max(high - low, 1e-9);
  };
  std::string body;
  for (int line = 0; line <= 4; ++line) {
    const double value = low + (high - low) * line / 4;
    body += svg_rule(kLeft, kRight, y(value)) + svg_text(kLeft - 8, y(value) + 4, "end", figure(value, 3));
  }
  Points places;
  for (const auto& [at, value] : points) places.emplace_back(x(at), y(value));
  body += "<path class=\"area\" d=\"" + svg_points(places) + "V" + figure(kBottom) + "H" + figure(kLeft) +
          "Z\"/>" + svg_line(places);
  body += svg_text(kLeft, kBottom + 20, "start", figure(first, 0));
  body += svg_text(kRight, kBottom + 20, "end", figure(last, 0) + " " + x_title);
  return svg_inline(640, 196, "loss over " + x_title, body);
}

std::string share_bar(const std::vector<Part>& parts) {
  constexpr double kWidth = 640;
  double total = 0;
  for (const Part& part : parts) total += part.amount;
  if (!(total > 0)) return "";
  std::string bar, legend;
  double at = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double width = kWidth * parts[i].amount / total;
    const std::string style = "part part" + std::to_string(i % 7);
    if (width >= 0.5) bar += rectangle(at, 0, width - 1, 18, style);
    at += width;
    legend += "<li><span class=\"" + style + "\"></span>" + escaped(parts[i].name) + " <b>" +
              escaped(parts[i].text) + "</b></li>";
  }
  return svg_inline(kWidth, 18, "shares", bar) + "<ul class=\"legend\">" + legend + "</ul>\n";
}

std::string pair_of_bars(double before, double after) {
  constexpr double kWidth = 200;
  const auto bar = [&](double y, double fraction, const std::string& style) {
    return rectangle(0, y, kWidth, 8, "track") +
           rectangle(0, y, kWidth * std::clamp(fraction, 0.0, 1.0), 8, style);
  };
  return svg_inline(kWidth, 19, percentage(before) + " before, " + percentage(after) + " after",
                    bar(0, before, "before") + bar(11, after, after < before ? "worse" : "after"));
}

std::string lineage_chart(std::vector<Knot> knots) {
  constexpr std::size_t kShown = 16;
  if (knots.size() > kShown) knots.erase(knots.begin(), knots.end() - kShown);
  if (knots.size() < 2) return "";
  constexpr double kStep = 56, kUpper = 26, kLower = 74, kRadius = 13;
  std::map<std::int64_t, std::pair<double, double>> place;
  std::string lines, dots;
  double x = 24;
  for (const Knot& knot : knots) {
    const double y = knot.state == "rejected" ? kLower : kUpper;
    const auto parent = place.find(knot.parent);
    if (parent != place.end() && knot.parent != knot.version) {
      const auto [from_x, from_y] = parent->second;
      // One that skips others in its row passes above them.
      const double bow = y == from_y && x - from_x > kStep ? kUpper : 0;
      lines += "<path class=\"link\" d=\"M" + figure(from_x) + " " + figure(from_y) + "C" +
               figure(from_x + 28) + " " + figure(from_y - bow) + " " + figure(x - 28) + " " +
               figure(y - bow) + " " + figure(x) + " " + figure(y) + "\"/>";
    }
    place[knot.version] = {x, y};
    dots += "<g class=\"knot " + escaped(knot.state) + (knot.ours ? " ours" : "") + "\"><circle cx=\"" +
            figure(x) + "\" cy=\"" + figure(y) + "\" r=\"" + figure(kRadius) + "\"/>" +
            svg_text(x, y + 4, "middle", std::to_string(knot.version)) + "</g>";
    x += kStep;
  }
  const double width = x - kStep + 24;
  return "<div style=\"max-width:" + figure(width) + "px\">" +
         svg_inline(width, 100, "versions", lines + dots) + "</div>\n";
}

}  // namespace dormouse::daemon
