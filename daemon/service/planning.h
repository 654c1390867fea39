#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "daemon/metrics.h"
#include "daemon/service/inference.h"
#include "memory/working.h"

namespace dormouse::daemon {

class Service;
struct Answered;
struct Entry;

/// What a plan is of.
struct PlanRecord {
  memory::EpisodeId id = 0;
  std::string model;
  engine::Shape cells;
  Plan plan;                       ///< as it was answered
  std::optional<Plan> final = {};  ///< of a provisional one, once it is there
  std::string drawing = {};        ///< of the answer; empty where its kind of puzzle is not known
  std::string final_drawing = {};  ///< likewise
  std::string error = {};          ///< why there is no final one
};

/// The answers of planners that answer cell by cell: what is kept of them, and those that go on being thought
/// about when their time was over. Between steps that makes way for requests.
///
/// Lives on the io thread.
class Planning {
 public:
  /// `service` is borrowed, with its models loaded.
  explicit Planning(Service& service);

  /// The planner's model where `entry` answers with plans, be it itself; else nullptr.
  const Entry* planner_of(const Entry& entry) const;
  /// Notes answers, and goes on with the provisional ones. `job`: as it was computed.
  void answered(const Entry& entry, const InferenceJob& job, const Answered& answered);
  /// What came of a recent plan, or nullptr.
  const PlanRecord* find(memory::EpisodeId id) const { return records_.find(id); }
  /// Ends what is being thought about.
  void stop();

  /// Nothing for other models.
  std::optional<boost::json::object> status(const Entry& entry) const;
  /// Has `metrics`, which does not outlive this, show what status() does.
  void measure(Metrics& metrics) const;

 private:
  static constexpr std::size_t kHalts = 6;
  struct Model {
    std::array<std::uint64_t, kHalts> halts{};  ///< final answers by why they ended
    std::uint64_t low = 0;                      ///< of them, the cheap model's
    std::uint64_t steps = 0, provisional = 0, waiting = 0;
    PutOffs put_off{};
    Histogram times;

    std::uint64_t answers() const;
  };

  void count(Model& model, const Plan& plan);
  boost::asio::awaitable<void> finish(std::string name, InferenceJob job, memory::EpisodeId id);
  std::string drawing(const Entry& entry, const engine::Tensor& x, const Plan& plan) const;

  Service& service_;
  std::map<std::string, Model> models_;
  memory::Recent<PlanRecord> records_;
  std::stop_source until_;
};

/// A plan for people and programs: halt, steps, verified, right, milliseconds.
boost::json::object describe(const Plan& plan);
/// The same with the answer, and what became of it.
boost::json::object describe(const PlanRecord& record);
/// What a planner's answer needed, in a sentence.
std::string sentence_of(const Plan& plan);

}  // namespace dormouse::daemon
