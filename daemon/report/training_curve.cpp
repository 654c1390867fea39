#include "daemon/report/training_curve.h"

#include <algorithm>
#include <functional>

#include "daemon/report/html.h"

namespace dormouse::daemon {
namespace {

using learning::EpochRecord;

constexpr double kWidth = 720, kLeft = 64, kRight = 700, kPanel = 190, kGap = 56;

constexpr const char* kStyle =
    "<style>svg{background:#fff}text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}"
    ".line{fill:none;stroke-width:1.8}.a{stroke:#2563a8}.b{stroke:#c2571a}"
    ".ka{fill:#2563a8}.kb{fill:#c2571a}</style>";

struct Series {
  std::string name;
  std::string style;  ///< of the sheet above
  std::function<double(const EpochRecord&)> value;
};

std::string label(double x, double y, const std::string& anchor, const std::string& text,
                  const std::string& style = "") {
  return "<text x=\"" + figure(x, 1) + "\" y=\"" + figure(y, 1) + "\" text-anchor=\"" + anchor + "\"" +
         (style.empty() ? "" : " class=\"" + style + "\"") + ">" + escaped(text) + "</text>\n";
}

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
      text += "<path class=\"grid\" d=\"M" + figure(kLeft) + " " + figure(y(value), 1) + "H" +
              figure(kRight) + "\"/>\n" + label(kLeft - 8, y(value) + 4, "end", figure(value, 3));
    }
    for (std::size_t s = 0; s < series_.size(); ++s) {
      std::string path;
      for (std::size_t i = 0; i < epochs_.size(); ++i)
        path += (i == 0 ? "M" : "L") + figure(x(i), 1) + " " + figure(y(series_[s].value(epochs_[i])), 1);
      text += "<path class=\"line " + series_[s].style + "\" d=\"" + path + "\"/>\n";
      text += label(kLeft + 8 + 190 * double(s), top_ - 10, "start", series_[s].name, "k" + series_[s].style);
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

std::string training_curve(std::span<const EpochRecord> epochs, const std::string& title) {
  constexpr double kFirst = 64, kSecond = kFirst + kPanel + kGap, kHeight = kSecond + kPanel + 40;
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + figure(kWidth) + " " +
                     figure(kHeight) + "\" role=\"img\" aria-label=\"" + escaped(title) + "\">\n" + kStyle +
                     "\n" + label(kLeft, 26, "start", title);
  if (!epochs.empty()) {
    text += Panel(epochs,
                  {{"training loss", "a", [](const EpochRecord& e) { return e.loss; }},
                   {"validation loss", "b", [](const EpochRecord& e) { return e.validation_loss; }}},
                  kFirst)
                .draw();
    text += Panel(epochs, {{"validation accuracy", "b", [](const EpochRecord& e) { return e.accuracy; }}},
                  kSecond)
                .draw();
    text += label(kLeft, kHeight - 14, "start", "epoch 1") +
            label(kRight, kHeight - 14, "end", "epoch " + std::to_string(epochs.size()));
  }
  return text + "</svg>\n";
}

}  // namespace dormouse::daemon
