#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "drivers/tunes.h"
#include "engine/driver.h"
#include "engine/failure_listener.h"
#include "engine/sends_ahead.h"

namespace dormouse::drivers {

/// A driver of a device that may fail, and what became of it; else as the driver itself. Thread-safe.
class WatchedDriver final : public engine::Driver,
                            public engine::FailureListener,
                            public engine::SendsAhead,
                            public Tunes {
 public:
  /// `driver` is borrowed for this one's life; `device` is what people call its device, and `identity` tells
  /// it, with its software, from all others.
  WatchedDriver(const engine::Driver& driver, std::string device, std::string identity);

  const std::string& device() const { return device_; }
  const std::string& identity() const { return identity_; }
  /// Why a session gave it up, the first that did; nothing while all is well.
  std::optional<std::string> trouble() const;
  void given_up(const Error& error) const override;

  std::string_view name() const override { return driver_.name(); }
  bool supports(const engine::Graph& graph, const engine::Node& node) const override;
  bool worthwhile(const engine::Partition& partition) const override;
  std::shared_ptr<engine::Workspace> open_workspace() const override;
  std::unique_ptr<engine::Program> compile(const engine::Partition& partition, engine::Workspace& workspace,
                                           bool measure) const override;
  engine::ProgramMemory foresee(const engine::Partition& partition) const override;
  engine::Tensor sent(const engine::Tensor& tensor) const override;
  bool tuned(const engine::Partition& partition) const override;

 private:
  const engine::Driver& driver_;
  std::string device_, identity_;
  mutable std::mutex mutex_;
  mutable std::optional<std::string> trouble_;
};

}  // namespace dormouse::drivers
