// A daemon whose models are computed by a GPU: a device that is lost, and nights.

#include <array>
#include <catch2/catch.hpp>

#include "drivers/watched.h"
#include "tests/daemon/bedroom.h"
#include "tests/drivers/fake_gpu.h"

namespace dormouse::daemon {
namespace {

using drivers::Choice;

boost::json::value gpu_of(Device& device) { return parsed(device.running->get("/v1/status")).at("gpu"); }

}  // namespace

TEST_CASE("a device that is lost costs no answer, and the status says so", "[gpu]") {
  drivers::FakeGpu gpu;
  const drivers::WatchedDriver watched(gpu, "a fake", "fake 1");
  Device device(1);
  device.table.gpu = &watched;
  device.options.process.driver = Choice::vulkan;
  device.start();
  const auto before = device.probes(3);
  CHECK(gpu.runs > 0);
  CHECK(gpu_of(device).at("device").as_string() == "a fake");
  CHECK_FALSE(gpu_of(device).as_object().contains("failed"));

  gpu.lost = true;
  const auto after = device.probes(3);
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == Approx(before[i]).margin(1e-5));
  device.teach("grey", 3);
  CHECK(gpu_of(device).at("failed").as_string() == "the device is lost");
}

TEST_CASE("a device that was asked for and is not there is in the status", "[gpu]") {
  Device device(1);
  device.table.no_gpu = "no device of a GPU in /dev";
  device.start();
  CHECK(gpu_of(device).is_null());
  device.table.missed = true;
  device.start();
  CHECK(gpu_of(device).at("driver").as_string() == "vulkan");
  CHECK(gpu_of(device).at("failed").as_string() == "no device of a GPU in /dev");
}

TEST_CASE("a model is computed by the driver that it names", "[gpu]") {
  drivers::FakeGpu gpu;
  const drivers::WatchedDriver watched(gpu, "a fake", "fake 1");
  Device device(1);
  device.table.gpu = &watched;
  device.options.models[0].driver = Choice::cpu;
  device.options.process.driver = Choice::vulkan;
  device.start();
  device.probes(3);
  CHECK(gpu.runs == 0);
  device.options.models[0].driver = Choice::vulkan;
  device.options.process.driver = Choice::cpu;
  device.start();
  device.probes(3);
  CHECK(gpu.runs > 0);
}

TEST_CASE("a night whose device is lost ends as any other", "[gpu]") {
  drivers::FakeGpu gpu;
  const drivers::WatchedDriver watched(gpu, "a fake", "fake 1");
  Bedroom bedroom;
  bedroom.table.gpu = &watched;
  bedroom.options.process.driver = Choice::vulkan;
  bedroom.start();
  bedroom.teach_grey();
  gpu.lost = true;
  const memory::SleepRecord sleep = bedroom.Device::sleep();
  INFO(sleep.report);
  CHECK(sleep.state == memory::SleepState::accepted);
  CHECK(bedroom.version() == 1);
}

// Mesa's own leaks and threads would drown what sanitizers say of ours.
#ifdef DORMOUSE_TEST_VULKAN
TEST_CASE("a device is missed where it was asked for by name, and the table says why", "[gpu][vulkan]") {
  const auto missing = drivers::open_table({.device = "none such"}, std::array{Choice::automatic});
  CHECK(missing.missed);
  CHECK_FALSE(missing.no_gpu.empty());
  CHECK_FALSE(missing.gpu);
  const auto nobody = drivers::open_table({.device = "none such"}, std::array{Choice::cpu});
  CHECK_FALSE(nobody.missed);
  CHECK(nobody.no_gpu.empty());
}

TEST_CASE("a night on Vulkan trains, passes the guard and is promoted", "[gpu][vulkan]") {
  const auto table = drivers::open_table({.device = "cpu"}, std::array{Choice::vulkan});
  if (!table.gpu) {
    WARN("skipped: no Vulkan device that runs on the CPU (Mesa's llvmpipe) is installed");
    return;
  }
  Bedroom bedroom;
  bedroom.table = table;
  bedroom.options.process.driver = Choice::vulkan;
  bedroom.start();
  bedroom.teach_grey();
  const memory::SleepRecord sleep = bedroom.Device::sleep();
  INFO(sleep.report);
  REQUIRE(sleep.state == memory::SleepState::accepted);
  CHECK(bedroom.version() == 1);
  const auto report = boost::json::parse(sleep.report);
  CHECK(report.at("drivers").at("vulkan").to_number<double>() > 0);
  CHECK_FALSE(report.at("drivers").as_object().contains("xnnpack"));
}
#endif

}  // namespace dormouse::daemon
