#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "daemon/service/routed_model.h"
#include "daemon/service/service.h"
#include "daemon/service/unfinished.h"

/// Answers that the latency budget cut short, and the planner's that follow.
namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

}  // namespace

std::optional<std::string> Routing::begin_to_finish(const Entry& entry, const InferenceJob& job,
                                                    const RowAnswer& answer, memory::EpisodeId id,
                                                    std::size_t row) {
  if (auto why = why_unfinished(finishing_.size(), stopped_)) {
    finished_.put({.id = id, .error = *why});
    return why;
  }
  InferenceJob alone = row_alone(job, row);
  alone.stop = finishing_[id].get_token();
  asio::co_spawn(service_.io(), finish(entry.parts->options.name, std::move(alone), answer, id),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  return std::nullopt;
}

asio::awaitable<void> Routing::finish(std::string name, InferenceJob job, RowAnswer low,
                                      memory::EpisodeId id) {
  const std::vector<std::string>& labels = *low.labels;
  json::object object{{"model", name}, {"episode", id}};
  AuditVerdict verdict{.id = id};
  try {
    HighAnswer high;
    auto work = [&](std::function<bool()> may_go_on) {
      job.may_go_on = std::move(may_go_on);
      high = ask_high(job, low);
      return !high.plan || high.plan->halt != hrm::Halt::preempted;
    };
    auto done =
        service_.behind_requests(service_.model(name).parts->options.planner, std::move(work), job.stop);
    co_await std::move(done);
    Model& model = *models_.at(name);
    model.ran_planner(high.time);
    model.high_us += microseconds(high.time);
    const auto& decision = high.decision;
    verdict.label = labels.at(decision.predicted);
    verdict.confidence = decision.confidence;
    verdict.agreed = decision.predicted == low.decision.predicted;
    object["label"] = verdict.label;
    object["confidence"] = rounded(double{decision.confidence});
    object["route"] = word(decision.route);
    object["complexity"] = word(low.complexity);
    if (high.plan)
      for (auto& [key, value] : describe(*high.plan)) object[key] = value;
  } catch (const Failure& failure) {
    verdict.error = stopped_ ? "the daemon stops" : failure.error().context;
    object["error"] = verdict.error;
  }
  if (finishing_.erase(id) > 0)
    finished_.put(std::move(verdict));
  else
    object = {{"model", name}, {"episode", id}, {"error", "it was forgotten"}};
  service_.events().publish(json::serialize(object), "answer");
}

}  // namespace dormouse::daemon
