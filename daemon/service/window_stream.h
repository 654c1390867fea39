#pragma once

#include <optional>

#include "daemon/service/service.h"
#include "daemon/service/stream.h"
#include "daemon/service/stream_watch.h"
#include "daemon/service/turns.h"
#include "memory/working.h"

namespace dormouse::daemon {

/// Pushed samples become windows, windows become answers of the model whose name the stream bears. Where it
/// is watched for novelty, a window's answer says what is most unusual among the rows that no window before
/// it had; an alarm is also published as an event of type "novelty", and makes the window worth remembering.
class WindowStream : public Stream {
 public:
  WindowStream(Service& service, std::string model, const StreamOptions& options,
               const engine::WindowShape& shape);

  std::int64_t channels() const override { return static_cast<std::int64_t>(ring_.channels()); }
  boost::asio::awaitable<Pushed> push(engine::Tensor rows, bool wait, bool end) override;
  boost::json::object status() const override;

 private:
  class Turn;
  boost::asio::awaitable<std::optional<StreamNews>> watch(engine::Tensor clip, std::size_t seen);
  /// Whoever calls has the turn. `end`: the rows that fill no window are one, too.
  boost::asio::awaitable<void> answer_windows(bool end, std::vector<boost::json::object>* answers);
  void advance(std::size_t step);

  Service& service_;
  std::size_t window_;
  std::size_t hop_;
  double rate_;
  memory::SampleRing ring_;
  Turns turns_;          ///< windows are answered in order, by one push at a time
  bool ending_ = false;  ///< whoever has the turn ends a clip
  std::uint64_t rows_ = 0;
  std::uint64_t windows_ = 0;
  std::uint64_t alarms_ = 0;
  std::size_t fresh_ = 0;  ///< rows pushed since the last window ended
  std::size_t skip_ = 0;   ///< rows yet to come that a hop longer than a window leaves out

  std::optional<StreamWatch> watch_;
  std::size_t watched_ = 0;  ///< of the ring's oldest rows, so many were watched with an earlier window
};

}  // namespace dormouse::daemon
