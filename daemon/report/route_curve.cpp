#include "daemon/report/route_curve.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <vector>

#include "daemon/report/html.h"
#include "daemon/report/svg.h"

namespace dormouse::daemon {
namespace {

using hrm::Outcome;

constexpr double kLeft = 64, kRight = 700, kTop = 70, kBottom = 380;

/// From compute and accuracy to the picture.
class Plane {
 public:
  explicit Plane(std::span<const Outcome> shown) {
    low_ = std::ranges::min(shown, {}, &Outcome::accuracy).accuracy;
    high_ = std::ranges::max(shown, {}, &Outcome::accuracy).accuracy;
    most_ = std::max(1.0, std::ranges::max(shown, {}, &Outcome::compute).compute);
  }

  std::string grid() const {
    std::string text;
    for (int i = 0; i <= 4; ++i) {
      const Outcome at{0, 0, low_ + (high_ - low_) * i / 4, most_ * i / 4};
      text += svg_rule(kLeft, kRight, y(at)) +
              svg_text(kLeft - 8, y(at) + 4, "end", percentage(at.accuracy)) +
              svg_text(x(at), kBottom + 20, "middle", percentage(at.compute));
    }
    return text;
  }
  std::string line(std::span<const Outcome> outcomes, const std::string& style) const {
    Points points;
    for (const Outcome& at : outcomes) points.emplace_back(x(at), y(at));
    return svg_line(points, style);
  }
  std::string dot(const Outcome& at, const std::string& name) const {
    const bool right = x(at) > (kLeft + kRight) / 2;
    return "<circle class=\"dot\" r=\"4\" cx=\"" + figure(x(at), 1) + "\" cy=\"" + figure(y(at), 1) +
           "\"/>\n" + svg_text(x(at) + (right ? -8 : 8), y(at) - 8, right ? "end" : "start", name);
  }

 private:
  double x(const Outcome& at) const { return kLeft + (kRight - kLeft) * at.compute / most_; }
  double y(const Outcome& at) const {
    return kBottom - (kBottom - kTop) * (at.accuracy - low_) / std::max(high_ - low_, 1e-9);
  }
  double low_ = 0, high_ = 0, most_ = 1;
};

}  // namespace

std::string route_curve(const hrm::Replay& replay, const std::string& title) {
  std::vector<Outcome> shown{replay.always_low, replay.always_high, replay.oracle, replay.gate.mean};
  std::ranges::copy(replay.gate_curve, std::back_inserter(shown));
  std::ranges::copy(replay.confidence_curve, std::back_inserter(shown));
  const Plane plane(shown);
  const std::array lot{replay.always_low, replay.always_high};
  const std::string body =
      svg_text(kLeft, 24, "start", title) +
      svg_text(kLeft, 44, "start", "accuracy over compute; blue: gate, orange: confidence, grey: by lot") +
      plane.grid() + plane.line(lot, "c") + plane.line(replay.confidence_curve, "b") +
      plane.line(replay.gate_curve, "a") + plane.dot(replay.always_low, "low") +
      plane.dot(replay.always_high, "high") + plane.dot(replay.oracle, "oracle") +
      plane.dot(replay.gate.mean, "certified") +
      svg_text(kRight, kBottom + 44, "end", "compute, of the high model's");
  return svg_file(720, 440, title, body);
}

}  // namespace dormouse::daemon
