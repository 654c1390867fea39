#include "daemon/verbs/step_profile.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "engine/op.h"
#include "engine/plan.h"

namespace dormouse::daemon {
namespace {

using engine::Node;
using engine::StepRun;

constexpr std::size_t kMostEvents = 100'000;  // tens of megabytes of trace

std::string named(const StepRun& run, const Node& node) {
  return node.name.empty() ? run.graph.value(node.outputs[0]).name : node.name;
}

StepProfile::Step describe(const StepRun& run) {
  StepProfile::Step step;
  step.depth = run.depth;
  step.driver = run.step && run.step->driver ? std::string(run.step->driver->name()) : "reference";
  if (!run.step) {
    step.name = "what depends on data";
    step.op = std::to_string(run.graph.nodes().size()) + " nodes";
    for (const Node& node : run.graph.nodes()) step.cost.macs += macs_of(run.graph, node).value_or(0);
    return step;
  }
  const std::vector<std::size_t>& nodes = run.step->partition.nodes;
  const Node& first = run.graph.nodes()[nodes.front()];
  step.name = named(run, first);
  step.op = nodes.size() == 1 ? std::string(first.op->name) : std::to_string(nodes.size()) + " nodes";
  if (nodes.size() > 1) step.name += " … " + named(run, run.graph.nodes()[nodes.back()]);
  step.cost = run.step->driver ? cost_of(run.step->partition) : cost_of(run.graph, first);
  return step;
}

double microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

std::size_t StepProfile::index_of(const StepRun& run) {
  const auto [entry, fresh] = index_.try_emplace({&run.graph, run.step}, steps_.size());
  if (fresh) steps_.push_back(describe(run));
  return entry->second;
}

void StepProfile::operator()(const StepRun& run) {
  const std::size_t index = index_of(run);
  Step& step = steps_[index];
  const std::chrono::nanoseconds time = run.end - run.begin;
  step.total += time - std::exchange(inside_[run.depth + 1], {});
  if (run.depth > 0) inside_[run.depth] += time;
  ++step.runs;
  Event event{index, run.begin, run.end, {}};
  if (run.program) {
    const auto parts = run.program->parts();
    step.parts.resize(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      step.parts[i].first = parts[i].name;
      step.parts[i].second += parts[i].time;
      event.parts.push_back(parts[i].time);
    }
  }
  if (events_.size() < kMostEvents) events_.push_back(std::move(event));
}

void StepProfile::write_trace(std::ostream& to) const {
  if (events_.empty()) {
    to << R"({"traceEvents":[]})"
       << "\n";
    return;
  }
  auto zero = events_.front().begin;
  for (const Event& event : events_) zero = std::min(zero, event.begin);
  const char* separator = R"({"displayTimeUnit":"ns","traceEvents":[)";
  const auto write = [&](const std::string& name, const std::string& category, double at, double duration,
                         boost::json::object arguments) {
    // "X": a complete event; ts and dur are in microseconds.
    to << std::exchange(separator, ",\n")
       << boost::json::serialize(boost::json::object{{"name", name},
                                                     {"cat", category},
                                                     {"ph", "X"},
                                                     {"ts", at},
                                                     {"dur", duration},
                                                     {"pid", 1},
                                                     {"tid", 1},
                                                     {"args", std::move(arguments)}});
  };
  for (const Event& event : events_) {
    const Step& step = steps_[event.step];
    double at = microseconds(event.begin - zero);
    write(step.name, step.driver, at, microseconds(event.end - event.begin),
          {{"op", step.op}, {"macs", step.cost.macs}, {"bytes", step.cost.bytes}});
    for (std::size_t i = 0; i < event.parts.size(); ++i) {
      const double duration = microseconds(event.parts[i]);
      write(step.parts[i].first, step.driver, at, duration, {});
      at += duration;
    }
  }
  to << "]}\n";
}

}  // namespace dormouse::daemon
