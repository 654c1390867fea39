#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "daemon/service/board.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {

/// What a caller asks of a night.
struct NightRequest {
  std::string model;
  std::optional<learning::Strategy> strategy = {};  ///< nothing: sleep.strategy
  bool trial = false;  ///< keep the version for inspection, whatever the dream check says, and do not use it
  std::optional<double> budget_seconds;
};

/// A night as it was when it began.
struct NightJob {
  std::int64_t id = 0;
  NightRequest request;
  std::shared_ptr<const ModelParts> parts;
  std::int64_t parent = 0;      ///< the version in service
  NightOptions options;         ///< with what the request asks for
  std::int64_t sequence = 0;    ///< of the newest feedback it reads
  std::size_t classes = 0;      ///< that were known
  std::string inputs;           ///< digest_of() all it reads; empty: not measured yet
  std::size_t resumed = 0;      ///< how often it was taken up from its journal
  std::uint64_t forgotten = 0;  ///< episodes that memory had let go by then
  std::int64_t embedding = 0;   ///< of the version in service
  std::optional<learning::PrivacyOptions> privacy = {};  ///< privacy.dp
};

/// How far it is, for other threads to read.
struct NightProgress {
  std::atomic<double> fraction{0};
  std::atomic<learning::Stage> stage{learning::Stage::select};
  std::atomic<bool> hot{false};  ///< it pauses
};

/// What a night brought, ready for the record.
struct NightOutcome {
  memory::SleepState state = memory::SleepState::failed;
  boost::json::object report = {};
  std::optional<learning::Version> version;
  std::string digest;                               ///< SHA-256 of the version's manifest
  std::shared_ptr<const learning::Seed> seed = {};  ///< as the version's trunk sees it, where it has its own
  /// By the model's nights up to this one, whatever became of it; nothing when it was not private.
  std::optional<learning::PrivacyLoss> privacy_spent = {};
};

/// Works through the night on the calling thread, behind requests, and writes the version it made. It begins
/// with `state` where its journal gave one. Never throws: whatever becomes of the night, the daemon goes on.
NightOutcome work_through(Service& service, const Board& board, const NightJob& job,
                          learning::SleepInputs inputs, const std::optional<engine::NamedTensors>& state,
                          NightProgress& progress, std::chrono::milliseconds watch_period,
                          std::stop_token stop);

}  // namespace dormouse::daemon
