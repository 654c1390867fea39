#include "drivers/watched.h"

namespace dormouse::drivers {

WatchedDriver::WatchedDriver(const engine::Driver& driver, std::string device, std::string identity)
    : driver_(driver), device_(std::move(device)), identity_(std::move(identity)) {}

std::optional<std::string> WatchedDriver::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void WatchedDriver::given_up(const Error& error) const {
  const std::lock_guard lock(mutex_);
  if (!trouble_) trouble_ = error.context;
}

bool WatchedDriver::supports(const engine::Graph& graph, const engine::Node& node) const {
  return driver_.supports(graph, node);
}

bool WatchedDriver::worthwhile(const engine::Partition& partition) const {
  return driver_.worthwhile(partition);
}

std::shared_ptr<engine::Workspace> WatchedDriver::open_workspace() const { return driver_.open_workspace(); }

std::unique_ptr<engine::Program> WatchedDriver::compile(const engine::Partition& partition,
                                                        engine::Workspace& workspace, bool measure) const {
  return driver_.compile(partition, workspace, measure);
}

engine::ProgramMemory WatchedDriver::foresee(const engine::Partition& partition) const {
  return driver_.foresee(partition);
}

engine::Tensor WatchedDriver::sent(const engine::Tensor& tensor) const {
  const auto* const ahead = dynamic_cast<const engine::SendsAhead*>(&driver_);
  return ahead ? ahead->sent(tensor) : tensor;
}

bool WatchedDriver::tuned(const engine::Partition& partition) const {
  const auto* const tunes = dynamic_cast<const Tunes*>(&driver_);
  return !tunes || tunes->tuned(partition);
}

}  // namespace dormouse::drivers
