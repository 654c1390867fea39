#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <deque>

#include "daemon/http/event_stream.h"
#include "daemon/service/pushed.h"
#include "daemon/service/service.h"
#include "learning/anomaly_detector.h"

namespace dormouse::daemon {

/// A stream that finds its own anomalies: every pushed row goes through a learning::AnomalyDetector, in
/// order, on the compute threads. Where an alarm begins, an event of type "anomaly" is published with the
/// past anomalies that are most like it, and it becomes an episode of memory under the stream's name.
///
/// What the detector knows is kept in STATE/streams/NAME.safetensors and taken up at the next start; episodes
/// are kept by memory. Lives on the io thread.
class AnomalyStream {
 public:
  /// Takes up what was saved. Throws Failure(configuration) for a spec that is wrong, Failure(corrupt /
  /// conflict) for a saved state that is damaged or of another spec. Before the io thread runs: it reads
  /// memory.
  AnomalyStream(Service& service, const AnomalyStreamOptions& options);
  /// Saves what is new, when no thread works on it any more.
  ~AnomalyStream();

  std::int64_t channels() const { return detector_.options().channels; }
  /// Appends rows f32 [time, channels]; a value that is not finite is missing. Without `wait` rows are
  /// dropped and counted when too many wait already; with it the push's own events come back.
  boost::asio::awaitable<Pushed> push(engine::Tensor rows, bool wait);
  std::shared_ptr<Subscriber> subscribe() { return events_.subscribe(); }
  boost::json::object status() const;
  /// Saves what is new when it is due: call about once a second.
  boost::asio::awaitable<void> save_when_due();
  void close() { events_.close(); }

 private:
  struct Event {
    std::uint64_t row = 0;  ///< since the stream began
    learning::Anomaly anomaly;
    std::vector<float> signature;
  };
  struct Past {
    memory::EpisodeId id = 0;
    Clock::Wall time{};
    std::string kind;
    std::vector<float> signature;
  };
  /// One at a time: rows are judged in order, and nothing changes while it is saved.
  class Turn;
  boost::asio::awaitable<void> wait_for_turn();
  boost::asio::awaitable<std::vector<Event>> judge(engine::Tensor rows);
  boost::asio::awaitable<boost::json::object> publish(Event event);
  boost::json::array alike(const std::vector<float>& signature) const;
  void remember(const Event& event, memory::EpisodeId id);
  void write(const engine::NamedTensors& state) const;

  Service& service_;
  AnomalyStreamOptions options_;
  std::filesystem::path file_;
  learning::AnomalyDetector detector_;  ///< of whoever has the turn
  std::deque<Past> past_;               ///< newest last
  EventStream events_;
  boost::asio::steady_timer free_;  ///< cancelled when a turn ends
  bool busy_ = false;
  std::size_t waiting_ = 0;  ///< rows
  std::uint64_t rows_ = 0, dropped_ = 0;
  bool dirty_ = false;
  Clock::Steady saved_;
  boost::json::object known_;  ///< of the detector, as of the last turn
};

}  // namespace dormouse::daemon
