#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <stop_token>
#include <string>

#include "daemon/metrics.h"
#include "daemon/service/inference.h"
#include "daemon/service/routing_file.h"
#include "hrm/audited_gate.h"
#include "hrm/trace.h"
#include "memory/working.h"

namespace dormouse::daemon {

class Service;
struct Answered;
struct Entry;

/// What an audit, or the rest of a provisional answer, came to.
struct AuditVerdict {
  memory::EpisodeId id = 0;
  std::string label = {};  ///< the high path's
  float confidence = 0;
  bool agreed = false;
  std::string error = {};  ///< why there is none
};

/// Where a model's audits are recorded, opened or (`dry`) only checked; null: nowhere. Throws
/// Failure(configuration).
std::unique_ptr<hrm::TraceWriter> trace_of(const ModelParts& parts, const HrmOptions& options,
                                           bool dry = false);

/// Learns for every model with a planner when its own answer will do, from audits: requests drawn by lot,
/// whatever was answered, to which both give an answer. The planner's is asked for when nobody else waits,
/// after the reply.
///
/// A draw takes no part while too many wait to be audited; audits count in the order of the draw, so that
/// which are counted never depends on what was answered. A certificate ends with the versions and labels that
/// it is about. Lives on the io thread; what it writes is written on the storage thread.
class Routing {
 public:
  /// Reads what the last process knew. `service` is borrowed, with its models loaded.
  explicit Routing(Service& service);
  ~Routing();

  /// Begins anew wherever other models are in service than a gate knows; to be called when one is.
  void heed_models();
  /// What decides for this model from now on; null: its fixed threshold.
  std::shared_ptr<const hrm::Judge> judge(const Entry& entry) const;
  /// When the planner has to be asked at the latest for an answer to a request of now; nothing: any time will
  /// do.
  std::optional<std::chrono::steady_clock::time_point> planner_by(const Entry& entry) const;
  /// Whether answered() wants to hear of it.
  bool follows(const Entry& entry) const;
  /// Notes what a request came to, and draws. `job`: as it was before it was computed.
  void answered(const Entry& entry, const InferenceJob& job, const Answered& answered);
  /// A label that a user gave to an answer.
  void taught(const std::string& model, const RowAnswer& answer, bool right);
  /// A label, for the trace.
  void told(const std::string& model, memory::EpisodeId id, const std::string& label);
  /// Interrupts an audit that computes: a request is there.
  void make_way();

  /// Audits what was drawn as long as nobody else waits, a quarter of the time at most. Call it a few times a
  /// second.
  boost::asio::awaitable<void> audit();
  /// Forgets what was learnt of a model's routing. Throws Failure(conflict) where nothing is.
  void reset(const std::string& model);
  /// After other options.
  void reconfigure();
  /// Lets go of what was kept of these to be audited, and of those to be finished.
  void forget(std::span<const memory::EpisodeId> ids);
  /// Ends the audit that computes, and lets none begin.
  void stop();
  /// Writes what is not on disk. From any thread, once nobody else uses this.
  void save_all();

  /// What came of auditing an answer, or nullptr; whether it waits for that.
  const AuditVerdict* verdict(memory::EpisodeId id) const { return verdicts_.find(id); }
  bool awaits(memory::EpisodeId id) const;
  /// What a provisional answer became, or nullptr while it has not.
  const AuditVerdict* finished(memory::EpisodeId id) const { return finished_.find(id); }
  /// Nothing for a model without a planner.
  std::optional<boost::json::object> status(const Entry& entry) const;
  /// Has `metrics`, which does not outlive this, show what status() does.
  void measure(Metrics& metrics) const;
  /// For tests, which want to know what is drawn.
  void seed(std::uint64_t seed) { random_.seed(seed); }

 private:
  struct Draw {
    std::size_t row = 0;
    std::size_t doubts = 0;  ///< of the gate
  };
  struct Pending;
  struct Model;

  Model* find(const Entry& entry) const;
  void restore(const std::string& name, Model& model);
  /// Asks the planner for a provisional answer, of a row of `job`; else says why not.
  std::optional<std::string> begin_to_finish(const Entry& entry, const InferenceJob& job,
                                             const RowAnswer& answer, memory::EpisodeId id, std::size_t row);
  boost::asio::awaitable<void> finish(std::string name, InferenceJob job, RowAnswer low,
                                      memory::EpisodeId id);
  /// Counts the score of a row, and adds it to those that are to be audited if the lot says so, which is
  /// drawn as it was before the score counted: one row is as likely as the next.
  void draw(const std::string& name, Model& model, const InferenceJob& job, const RowAnswer& answer,
            std::size_t row, std::vector<Draw>& drawn);
  void keep_for_audit(Model& model, const InferenceJob& job, const Answered& answered,
                      std::vector<Draw> drawn);
  /// Counts audits at the head of the line that are done.
  void settle(const std::string& name, Model& model);
  /// Stops the audit that computes, if it is this one, which is about to go.
  void let_go(const Pending& audit);
  void drop_pending(Model& model);
  void count(const std::string& name, Model& model, const Pending& audit);
  boost::asio::awaitable<bool> audit_next(const std::string& name, Model& model);
  bool idle() const;
  void record(Model& model, const Pending& audit);
  /// On the storage thread; what fails is logged.
  void trace(Model& model, std::function<void(hrm::TraceWriter&)> write);
  void save(const std::string& name, Model& model);
  /// Does what an event of the gate asks for.
  void heed(const std::string& name, Model& model, hrm::AuditedGate::Event event);
  void announce(const std::string& name, const Model& model, hrm::AuditedGate::Event event);
  std::filesystem::path file(const std::string& name) const;

  Service& service_;
  std::map<std::string, std::unique_ptr<Model>> models_;
  memory::Recent<AuditVerdict> verdicts_;
  memory::Recent<AuditVerdict> finished_;
  std::map<memory::EpisodeId, std::stop_source> finishing_;  ///< provisional answers; without those forgotten
  std::mt19937_64 random_;
  std::stop_source auditing_;  ///< the audit that computes
  Pending* computing_ = nullptr;
  bool busy_ = false;
  bool stopped_ = false;
  Clock::Steady not_before_{};
};

}  // namespace dormouse::daemon
