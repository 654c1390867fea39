#include "daemon/service/stream_watch.h"

#include <algorithm>
#include <tuple>

#include "config/error.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

memory::NoveltyOptions options_for(std::size_t channels) {
  memory::NoveltyOptions options;
  options.false_alarms /= static_cast<double>(channels);
  return options;
}

auto rank(const memory::Novelty& novelty) { return std::tuple(novelty.alarm, novelty.strength); }

}  // namespace

float StreamNews::importance(float worth_remembering) const {
  return novelty.alarm ? std::clamp(static_cast<float>(novelty.strength), worth_remembering, 1.0f) : 0.0f;
}

StreamWatch::StreamWatch(std::size_t channels)
    : channels_(channels, memory::StreamNovelty(options_for(channels))) {}

std::optional<StreamNews> StreamWatch::observe(std::span<const float> rows) {
  ensure(rows.size() % channels_.size() == 0, "whole rows");
  std::optional<StreamNews> most;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t channel = i % channels_.size();
    const memory::Novelty novelty = channels_[channel].observe(rows[i]);
    if (!most || rank(novelty) > rank(most->novelty))
      most = StreamNews{novelty, channel, i / channels_.size()};
  }
  return most;
}

boost::json::object describe(const StreamNews& news) {
  return {{"strength", rounded(news.novelty.strength)},
          {"p_value", rounded(news.novelty.p_value)},
          {"aspect", news.novelty.aspect == memory::NoveltyAspect::value ? "value" : "activity"},
          {"channel", news.channel},
          {"row", news.row},
          {"alarm", news.novelty.alarm}};
}

}  // namespace dormouse::daemon
