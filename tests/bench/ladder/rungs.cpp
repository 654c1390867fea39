#include "tests/bench/ladder/rungs.h"

#include <algorithm>
#include <cstdio>

#include "config/error.h"
#include "config/text.h"
#include "tests/bench/ladder/rung_parts.h"

namespace dormouse::bench {
std::string text(const Way& way) {
  std::string text;
  const auto add = [&](bool told, const char* format, auto... values) {
    char piece[48];
    std::snprintf(piece, sizeof(piece), format, values...);
    if (told) text += (text.empty() ? "" : " ") + std::string(piece);
  };
  const learning::Recipe& how = learning::recipe(way.strategy);
  add(!how.analytic && !way.dormouse, "lr=%g", double{way.rate});
  add(way.items > 0, "M=%zu", way.items);
  add(way.bytes > 0, "%.0f kB", double(way.bytes) / 1000);
  add(way.small, "14x14 4 bits");
  add(way.bytes > 0 && !way.small && !way.dormouse, "8 bits");
  add(how.rehearses && !how.starts_over && !way.dormouse, "mbs=%zu", way.replay);
  add(how.logits, "α=%g β=%g", double{way.alpha}, double{way.beta});
  add(way.lambda.has_value(), "λ=%g", double{way.lambda.value_or(0)});
  add(how.hold == learning::Hold::path, "ξ=%g", double{way.damping});
  add(way.balanced, "balanced");
  add(way.sleep > 0, "sleep %zu @ %g", way.sleep, double{way.sleep_rate});
  add(way.lift > 0, "%zu features", way.lift);
  return text;
}

std::span<const Rung> rungs() {
  static const std::vector<Rung> kLadder = [] {
    std::vector<Rung> all = image_rungs();
    std::ranges::move(sensor_rungs(), std::back_inserter(all));
    return all;
  }();
  return kLadder;
}

const Rung& rung_named(std::string_view name) {
  const auto found = std::ranges::find(rungs(), name, &Rung::name);
  if (found != rungs().end()) return *found;
  throw Failure(Errc::invalid, "no rung is called '" + std::string(name) + "'; there are " +
                                   config::join(rungs(), &Rung::name));
}

}  // namespace dormouse::bench
