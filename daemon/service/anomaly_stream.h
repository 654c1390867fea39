#pragma once

#include <deque>

#include "daemon/service/kept_stream.h"
#include "learning/anomaly_detector.h"

namespace dormouse::daemon {

/// A stream that finds its own anomalies: every pushed row goes through a learning::AnomalyDetector. Where an
/// alarm begins, an event of type "anomaly" is published with the past anomalies that are most like it, and
/// it becomes an episode of memory under the stream's name. What is kept is what the detector knows.
class AnomalyStream final : public KeptStream {
 public:
  /// Takes up what was saved. Throws Failure(configuration) for a spec that is wrong, Failure(corrupt /
  /// conflict) for a saved state that is damaged or of another spec. Before the io thread runs: it reads
  /// memory.
  AnomalyStream(Service& service, const KeptStreamOptions& options);
  ~AnomalyStream() override { save_at_end(); }

  std::int64_t channels() const override { return detector_.options().channels; }
  bool takes_missing() const override { return true; }
  boost::json::object status() const override;

  /// Numbers in the signature of an anomaly, by which they are compared.
  std::size_t width() const { return width_; }
  /// Names an anomaly: on disk when it is back. Throws Failure(gone / not_found / invalid).
  boost::asio::awaitable<TaughtAnswer> teach(memory::EpisodeId id, std::string label);
  /// Erases the anomalies that the selection means, for good when it is back; `dry_run` only counts. What the
  /// detector has learnt of the stream stays.
  boost::asio::awaitable<Forgotten> forget(memory::Selection selection, bool dry_run);

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
    std::optional<std::string> label;  ///< as somebody named it
    std::vector<float> signature;
  };
  boost::asio::awaitable<std::vector<boost::json::object>> take(engine::Tensor rows, bool wanted) override;
  engine::NamedTensors state() const override { return detector_.state(); }
  void turn_over() override;

  boost::asio::awaitable<boost::json::object> publish(Event event);
  boost::json::array alike(const std::vector<float>& signature) const;
  void remember(const Event& event, memory::EpisodeId id);

  learning::AnomalyDetector detector_;  ///< of whoever has the turn
  std::size_t width_ = 0;
  std::deque<Past> past_;      ///< newest last
  boost::json::object known_;  ///< of the detector, as of the last turn
};

}  // namespace dormouse::daemon
