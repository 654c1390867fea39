#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/bench/golden.h"
#include "tests/bench/real_models.h"
#include "tests/temporary_folder.h"

// Models that somebody uses, from $DORMOUSE_DATA, and samples of what ONNX Runtime made of the same random
// inputs (bench_models --golden wrote them).
namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

fs::path models_folder() {
  if (const char* named = std::getenv("DORMOUSE_DATA")) return fs::path(named) / "models";
  return fs::path(DORMOUSE_TEST_DATA) / "../../../shared/models";
}

double worst(const RealModel& model, const fs::path& file, const std::vector<GoldenOutput>& expected,
             std::span<const engine::Driver* const> drivers) {
  const auto got = engine::Session(engine::read_onnx(file.string()), drivers).run(random_inputs(model));
  REQUIRE(got.size() == expected.size());
  double result = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    result = std::max(result, distance(got[i], expected[i], model.tolerance));
  return result;
}

}  // namespace

TEST_CASE("real models give what ONNX Runtime gave, on portable kernels and on drivers", "[drivers]") {
  if (!fs::is_directory(models_folder())) {
    std::cout << "skipped: no models in " << models_folder().string() << "\n";
    return;
  }
  const TemporaryFolder work;
  const Golden golden = read_golden(fs::path(DORMOUSE_TEST_DATA) / "models" / "outputs.tsv");
  const std::vector<RealModel> models = real_models();
  REQUIRE(golden.size() == models.size());
  for (std::size_t i = 0; i < models.size(); ++i) {
    INFO(models[i].file << ", seed " << kModelSeed);
    REQUIRE_FALSE(golden[i].empty());
    const fs::path file = file_of(models[i], models_folder(), work.file(""));
    CHECK(worst(models[i], file, golden[i], {}) <= 1);
    CHECK(worst(models[i], file, golden[i], drivers::all_drivers()) <= 1);
  }
}

}  // namespace dormouse::bench
