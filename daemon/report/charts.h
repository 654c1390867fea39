#pragma once

#include <string>
#include <vector>

#include "daemon/report/svg.h"

/// Charts as inline SVG. Colours come from the page's style sheet, by class name.
namespace dormouse::daemon {

/// A line over steps, with its least and greatest value. Empty without two points.
std::string line_chart(const Points& points, const std::string& x_title);

/// Parts of a whole as one bar, with a legend of names and values; parts of nothing are left out.
struct Part {
  std::string name;
  double amount = 0;
  std::string text;  ///< the amount for people
};
std::string share_bar(const std::vector<Part>& parts);

/// Fractions in [0, 1] before and after, one above the other.
std::string pair_of_bars(double before, double after);

/// The newest versions as a tree from parents to children, oldest at the left, rejected ones below.
struct Knot {
  std::int64_t version = 0;
  std::int64_t parent = 0;
  std::string state;  ///< a class name of the style sheet: active, accepted, rejected, shipped
  bool ours = false;  ///< made by the night that is reported
};
std::string lineage_chart(std::vector<Knot> knots);

}  // namespace dormouse::daemon
