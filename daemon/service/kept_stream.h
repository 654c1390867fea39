#pragma once

#include <filesystem>
#include <optional>

#include "daemon/service/service.h"
#include "daemon/service/stream.h"
#include "daemon/service/turns.h"
#include "engine/formats/safetensors.h"

namespace dormouse::daemon {

/// A stream with a state: every pushed row goes through it, in order, on the compute threads.
///
/// The state is kept in STATE/streams/NAME.safetensors: written whole or not at all, when it is due, when
/// somebody asks, and at the end. Lives on the io thread.
class KeptStream : public Stream {
 public:
  /// Rows that may wait, and that one push may bring and wait for.
  static constexpr std::size_t kMostWaiting = 65536;

  /// Without `wait` rows are dropped and counted when too many wait already; with it the push's own answers
  /// come back. `end` means nothing here. Throws Failure(invalid) when more than kMostWaiting rows wait for
  /// answers at once.
  boost::asio::awaitable<Pushed> push(engine::Tensor rows, bool wait, bool end) final;
  boost::json::object status() const override;
  boost::asio::awaitable<void> save_when_due() final;
  bool keeps_state() const final { return true; }
  boost::asio::awaitable<std::uint64_t> save() final;

 protected:
  KeptStream(Service& service, const KeptStreamOptions& options, EventStream::Options events = {});

  /// One at a time: rows are worked off in order, and nothing changes while it is saved.
  class Turn;
  Turns turns_;

  /// Takes the next rows, a piece of those that were pushed, and counts them in rows_; says and publishes
  /// what comes of them. Whoever calls has the turn. `wanted`: the answers go to whoever pushed.
  virtual boost::asio::awaitable<std::vector<boost::json::object>> take(engine::Tensor rows, bool wanted) = 0;
  /// Everything that is known, with a checksum. On the compute threads, or at the end.
  virtual engine::NamedTensors state() const = 0;
  /// A turn is over: for what status() tells meanwhile.
  virtual void turn_over() {}

  /// What was saved, if anything was; from file().
  std::optional<engine::NamedTensors> saved() const;
  const std::filesystem::path& file() const { return file_; }
  /// Saves what is new, when no thread works on it any more: for destructors, while there is a state.
  void save_at_end() noexcept;

  Service& service_;
  std::uint64_t rows_ = 0;        ///< since the stream began
  std::uint64_t saved_rows_ = 0;  ///< of these, so many are in the state on disk
  bool dirty_ = false;

 private:
  void write(const engine::NamedTensors& state) const;

  std::filesystem::path file_;
  std::chrono::milliseconds save_;
  std::size_t waiting_ = 0;  ///< rows
  std::uint64_t dropped_ = 0;
  Clock::Steady saved_at_;
};

class KeptStream::Turn {
 public:
  explicit Turn(KeptStream& stream) : stream_(stream), own_(stream.turns_) {}
  ~Turn() { stream_.turn_over(); }

 private:
  KeptStream& stream_;
  Turns::Turn own_;
};

}  // namespace dormouse::daemon
