#include <catch2/catch.hpp>

#include "daemon/service/model_parts.h"
#include "drivers/all_drivers.h"
#include "drivers/measured.h"
#include "tests/daemon/small_model.h"
#include "tests/drivers/fake_gpu.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

TEST_CASE("a model that does not fit its memory budget is refused, with figures", "[budget]") {
  constexpr std::uint64_t kSeed = 5;
  const TemporaryFolder folder;
  SmallModel(kSeed).write(folder.path, "small");
  ModelOptions options;
  options.name = "small";
  options.path = folder / "small.onnx";
  CHECK(load_model(options, drivers::all_drivers()));
  options.memory_budget = config::Bytes{64 << 20};
  CHECK(load_model(options, drivers::all_drivers()));
  options.memory_budget = config::Bytes{1000};
  CHECK_THROWS_WITH(load_model(options, drivers::all_drivers()),
                    Catch::Contains("small.onnx") && Catch::Contains(" MB of memory") &&
                        Catch::Contains("its memory_budget is 0.00 MB") && Catch::Contains("raise it"));
}

TEST_CASE("a GPU that computes in the machine's memory is within a model's budget, or out", "[budget][gpu]") {
  constexpr std::uint64_t kSeed = 5;
  const TemporaryFolder folder;
  SmallModel(kSeed).write(folder.path, "small");
  drivers::FakeGpu gpu;
  const drivers::WatchedDriver watched(gpu, "a fake", "fake 1");
  drivers::DriverTable table(drivers::all_drivers());
  drivers::Measurements measurements({});
  const drivers::MeasuredDriver measured(watched, table.cpu, 1, measurements);
  table.gpu = &watched;
  table.measured = &measured;
  ModelOptions options;
  options.name = "small";
  options.path = folder / "small.onnx";
  options.memory_budget = config::Bytes{64 << 20};
  for (const auto choice : {drivers::Choice::automatic, drivers::Choice::vulkan}) {
    options.driver = choice;
    gpu.bytes = 1 << 20;
    CHECK(load_model(options, table)->drivers == table.chosen(choice));
    gpu.bytes = 80 << 20;
    if (choice == drivers::Choice::automatic)
      CHECK(load_model(options, table)->drivers == table.cpu);
    else
      CHECK_THROWS_WITH(load_model(options, table),
                        Catch::Contains("needs 8") && Catch::Contains("MB of memory"));
  }
  options.driver = drivers::Choice::cpu;
  CHECK(load_model(options, table)->drivers == table.cpu);
}

}  // namespace
}  // namespace dormouse::daemon
