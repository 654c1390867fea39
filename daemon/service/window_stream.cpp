#include "daemon/service/window_stream.h"

#include <boost/json/serialize.hpp>

#include "daemon/run_on.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kWindowsKept = 8;

}  // namespace

WindowStream::WindowStream(Service& service, std::string model, const StreamOptions& options,
                           const engine::WindowShape& shape)
    : Stream(std::move(model), service.io().get_executor()),
      service_(service),
      window_(static_cast<std::size_t>(shape.rows)),
      hop_(options.hop > 0 ? static_cast<std::size_t>(options.hop) : window_),
      rate_(options.rate),
      ring_(static_cast<std::size_t>(shape.channels), kWindowsKept * window_ + hop_),
      turns_(service.io()) {
  if (options.novelty) watch_.emplace(ring_.channels());
}

/// One that ends a clip leaves nothing of it behind.
class WindowStream::Turn {
 public:
  Turn(WindowStream& stream, bool ends) : stream_(stream), own_(stream.turns_) { stream.ending_ = ends; }
  ~Turn() {
    if (!std::exchange(stream_.ending_, false)) return;
    stream_.ring_.consume(stream_.ring_.available());
    stream_.fresh_ = stream_.skip_ = stream_.watched_ = 0;
  }

 private:
  WindowStream& stream_;
  Turns::Turn own_;
};

asio::awaitable<Pushed> WindowStream::push(engine::Tensor rows, bool wait, bool end) {
  const std::size_t channels = ring_.channels();
  std::span<const float> left = rows.values<float>();
  Pushed pushed;
  std::optional<Turn> turn;
  // Rows whose answers come back follow those of others, and a clip that ends gets none of theirs.
  if (wait || end || ending_) {
    co_await turns_.wait();
    turn.emplace(*this, end);
  }
  do {
    // One that waits offers no more than there is room for, so that nothing counts as dropped.
    const std::size_t room = (ring_.capacity() - ring_.available()) * channels;
    const std::size_t taken = ring_.push(wait ? left.first(std::min(left.size(), room)) : left);
    left = left.subspan(taken * channels);
    pushed.accepted += taken;
    rows_ += taken;
    fresh_ += taken;
    if (skip_ > 0) advance(skip_);
    const bool last = left.empty() || !wait;
    if (!turn) {
      co_await turns_.wait();
      turn.emplace(*this, end);
    }
    co_await answer_windows(end && last, wait ? &pushed.answers : nullptr);
  } while (wait && !left.empty());
  pushed.dropped = ring_.dropped();
  co_return pushed;
}

/// Lets go of so many rows, some of which may not have come yet.
void WindowStream::advance(std::size_t step) {
  const std::size_t here = std::min(step, ring_.available());
  ring_.consume(here);
  watched_ -= std::min(here, watched_);
  skip_ = step - here;
}

asio::awaitable<void> WindowStream::answer_windows(bool end, std::vector<json::object>* answers) {
  const Entry& entry = service_.model(name());
  while (true) {
    const std::size_t there = ring_.available();
    const bool whole = there >= window_;
    if (!whole && !(end && there > 0 && fresh_ > 0)) break;
    const std::size_t length = whole ? window_ : there;
    engine::Tensor clip(engine::DType::f32, engine::Shape{static_cast<std::int64_t>(length), channels()});
    ensure(ring_.peek(clip.mutable_values<float>()), "the rows are there");
    const std::size_t seen = std::exchange(watched_, length);
    fresh_ = whole ? there - std::min(there, std::max(window_, hop_)) : 0;
    advance(whole ? hop_ : there);
    const std::optional<StreamNews> news = co_await watch(clip, seen);
    std::vector<engine::Tensor> inputs{clip_input(*entry.parts, clip)};
    Origin origin{name(), news ? news->importance(Service::kNovel) : 0};
    auto work = service_.infer(name(), std::move(inputs), true, std::move(origin), Urgency());
    const Answered answered = co_await std::move(work);
    json::object answer = describe(answered, 0);
    answer["stream"] = name();
    answer["window"] = windows_++;
    if (!whole) answer["partial"] = true;
    if (news) answer["stream_novelty"] = describe(*news);
    events().publish(json::serialize(answer));
    if (news && news->novelty.alarm) {
      ++alarms_;
      events().publish(json::serialize(answer), "novelty");
    }
    if (answers) answers->push_back(std::move(answer));
  }
}

/// The most unusual of the clip's rows from `seen` on, the row counted from the clip's first; away from the
/// io thread, since a window may be long. Nothing when the stream is not watched.
asio::awaitable<std::optional<StreamNews>> WindowStream::watch(engine::Tensor clip, std::size_t seen) {
  if (!watch_) co_return std::nullopt;
  auto work = [&watch = *watch_, clip, seen] {
    const auto values = clip.values<float>();
    const std::size_t channels = values.size() / static_cast<std::size_t>(clip.shape()[0]);
    auto news = watch.observe(values.subspan(std::min(seen * channels, values.size())));
    if (news) news->row += seen;
    return news;
  };
  co_return co_await run_on(service_.compute(), std::move(work));
}

json::object WindowStream::status() const {
  json::object status{{"rows", rows_},       {"dropped", ring_.dropped()},
                      {"windows", windows_}, {"window", window_},
                      {"hop", hop_},         {"rate", rate_}};
  if (watch_) status["alarms"] = alarms_;
  return status;
}

}  // namespace dormouse::daemon
