#include <catch2/catch.hpp>

#include "daemon/service/model_parts.h"
#include "drivers/all_drivers.h"
#include "tests/daemon/small_model.h"
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

}  // namespace
}  // namespace dormouse::daemon
