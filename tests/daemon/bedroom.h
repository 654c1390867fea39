#pragma once

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {

inline constexpr std::uint64_t kBedroomSeed = 23;

/// A device that sleeps on what it was taught of grey.
struct Bedroom : Device {
  Bedroom() : Device(kBedroomSeed) { start(); }
  void teach_grey(const std::string& name = "colours") {
    for (std::uint64_t i = 0; i < 20; ++i) running->teach(model.example("grey", i), "grey", name);
  }
  std::int64_t version() { return running->ask(model.probes(1)).version; }
  std::vector<float> probes() { return Device::probes(4); }
  boost::json::object status() {
    return running->on_io([this] { return running->nights().status(); });
  }
  void wait_until_awake() {
    while (running->on_io([this] { return running->nights().asleep(); })) std::this_thread::yield();
  }
  memory::SleepRecord record(std::int64_t id) {
    return running->on_storage([&] { return *running->service().store().sleep(id); });
  }
  NightRequest night(bool trial = false) const {
    return {"colours", learning::Strategy::replay_ewc, trial, {}};
  }
};

}  // namespace dormouse::daemon
