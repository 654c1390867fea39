#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <stop_token>

#include "daemon/service/board.h"
#include "daemon/service/night_journal.h"
#include "daemon/service/night_work.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {

/// Sleep: one night at a time, on the training thread, always behind requests.
///
/// Lives on the io thread.
class Nights {
 public:
  /// `watch_period`: how often a night looks at the board.
  explicit Nights(Service& service, Board board = Board(),
                  std::chrono::milliseconds watch_period = std::chrono::seconds(1));

  /// Takes up the night that the last process was at when it ended, if its journal is whole and fits: call it
  /// once, at the start. A journal that is of no use is dropped, and the night stays interrupted.
  boost::asio::awaitable<void> resume();

  /// Starts a night and returns its id. Throws Failure(conflict) while another one runs or the board is on
  /// battery, or unavailable after stop().
  boost::asio::awaitable<std::int64_t> start(NightRequest request);
  /// Starts one by itself when all that is configured holds, and rolls back versions that do worse in life:
  /// call it every second or so.
  boost::asio::awaitable<void> consider();
  /// Asks the running night to end; its work is lost, nothing else. Its id; nothing when none runs.
  std::optional<std::int64_t> interrupt();
  /// The same, and lets none begin any more.
  void stop();
  bool asleep() const { return running_.has_value(); }
  /// Which night is at what, or why there is none.
  boost::json::object status() const;

 private:
  /// What the storage thread sees when it looks around.
  struct Surroundings {
    bool on_battery = false;
    std::optional<double> temperature;
    std::vector<std::pair<std::string, Served>> retreats;  ///< models that were rolled back just now
  };

  Surroundings look_around();
  /// A night and all it reads.
  struct Prepared {
    NightJob job;
    learning::SleepInputs inputs;
    std::optional<engine::NamedTensors> state;  ///< where it was interrupted
    Served served;                              ///< with the labels that are for another night
  };

  Prepared prepare(NightJob job);
  /// `options`: as they are now, since this is another thread, and they may change.
  std::optional<Prepared> interrupted(const std::string& model, std::shared_ptr<const ModelParts> parts,
                                      const NightOptions& options);
  Prepared take_up(NightJournal::Entry entry, std::shared_ptr<const ModelParts> parts,
                   const NightOptions& options);
  void launch(Prepared night);
  boost::asio::awaitable<void> run(Prepared night);
  void end(const NightJob& night, NightOutcome outcome);
  boost::json::object memory_tiers(const NightJob& night, const learning::CoreSet& core) const;
  Circumstances circumstances(const Entry& entry) const;

  Service& service_;
  Board board_;
  std::chrono::milliseconds watch_period_;
  std::optional<NightJob> running_;
  std::stop_source stop_;
  bool stopped_ = false;
  bool considering_ = false;
  bool on_battery_ = false;  ///< when it was last considered, as is the next
  std::optional<double> temperature_;
  std::string refusal_;  ///< why the last night did not begin by itself; said once
  NightProgress progress_;
};

}  // namespace dormouse::daemon
