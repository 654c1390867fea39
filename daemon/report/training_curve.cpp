#include "daemon/report/training_curve.h"

#include <algorithm>
#include <functional>

#include "daemon/report/html.h"
#include "daemon/report/svg.h"

namespace dormouse::daemon {
namespace {

using learning::EpochRecord;

constexpr double kWidth = 720, kLeft = 64, kRight = 700, kPanel = 190, kGap = 56;

struct Series {
  std::string name;
  std::string style;  ///< of the sheet above
  std::function<double(const EpochRecord&)> value;
};

/// One panel whose upper edge is at `top`.
class Panel {
 public:
  Panel(std::span<const EpochRecord> epochs, std::vector<Series> series, double top)
      : epochs_(epochs), series_(std::move(series)), top_(top) {
    low_ = high_ = series_[0].value(epochs_[0]);
    for (const Series& one : series_)
      for (const EpochRecord& epoch : epochs_) {
        low_ = std::min(low_, one.value(epoch));
        high_ = std::max(high_, one.value(epoch));
      }
  }

  std::string draw() const {
    std::string text;
    for (int i = 0; i <= 4; ++i) {
      const double value = low_ + (high_ - low_) * i / 4;
      text += svg_rule(kLeft, kRight, y(value)) + svg_text(kLeft - 8, y(value) + 4, "end", figure(value, 3));
    }
    for (std::size_t s = 0; s < series_.size(); ++s) {
      Points points;
      for (std::size_t i = 0; i < epochs_.size(); ++i)
        points.emplace_back(x(i), y(series_[s].value(epochs_[i])));
      text += svg_line(points, series_[s].style);
      text +=
          svg_text(kLeft + 8 + 190 * double(s), top_ - 10, "start", series_[s].name, "k" + series_[s].style);
    }
    return text;
  }

 private:
  double x(std::size_t epoch) const {
    const auto last = static_cast<double>(std::max<std::size_t>(1, epochs_.size() - 1));
    return kLeft + (kRight - kLeft) * static_cast<double>(epoch) / last;
  }
  double y(double value) const {
    return top_ + kPanel - kPanel * (value - low_) / std::max(high_ - low_, 1e-9);
  }

  std::span<const EpochRecord> epochs_;
  std::vector<Series> series_;
  double top_, low_ = 0, high_ = 0;
};

}  // namespace

std::string training_curve(std::span<const EpochRecord> epochs, const std::string& title,
                           const std::string& quality) {
  constexpr double kFirst = 64, kSecond = kFirst + kPanel + kGap, kHeight = kSecond + kPanel + 40;
  std::string text = svg_text(kLeft, 26, "start", title);
  if (!epochs.empty()) {
    text += Panel(epochs,
                  {{"training loss", "a", [](const EpochRecord& e) { return e.loss; }},
                   {"validation loss", "b", [](const EpochRecord& e) { return e.validation_loss; }}},
                  kFirst)
                .draw();
    text += Panel(epochs, {{quality, "b", [](const EpochRecord& e) { return e.accuracy; }}}, kSecond).draw();
    text += svg_text(kLeft, kHeight - 14, "start", "epoch 1") +
            svg_text(kRight, kHeight - 14, "end", "epoch " + std::to_string(epochs.size()));
  }
  return svg_file(kWidth, kHeight, title, text);
}

}  // namespace dormouse::daemon
