#include "learning/seed.h"

#include <functional>

#include "engine/formats/safetensors.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 9;

Seed example() {
  Parts parts(kSeed);
  Clusters clusters(3, 6, 1.5, kSeed);
  const LabelledLatents train = clusters.draw(40, 0, 3), heldout = clusters.draw(10, 0, 3);
  return make_seed(parts.linear(6, 3), {"a", "b", "c"}, train, heldout, {{0.5f, 1}, {2, 3}},
                   {.replay_per_class = 30, .heldout_per_class = 8, .fisher_samples = 20, .seed = kSeed});
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.values<float>(), b.values<float>());
}

}  // namespace

TEST_CASE("a seed keeps a balanced sample, all statistics and the Fisher diagonal", "[seed]") {
  const Seed seed = example();
  CHECK(seed.replay.size() == 90);
  CHECK(seed.heldout.size() == 24);
  CHECK(seed.statistics[1].count == 40);
  CHECK(seed.fisher.at("head.weight").shape() == Shape{3, 6});
  CHECK(std::ranges::all_of(seed.fisher.at("head.weight").values<float>(), [](float f) { return f > 0; }));
}

TEST_CASE("a seed comes back from its file as it was, to the rounding of its storage", "[seed]") {
  TemporaryFolder folder;
  const Seed seed = example();
  write_seed(folder / "x.seed.safetensors", seed);
  const Seed back = read_seed(folder / "x.seed.safetensors");
  CHECK(back.labels == seed.labels);
  CHECK(back.temperature == seed.temperature);
  CHECK(back.replay.classes == seed.replay.classes);
  CHECK(back.heldout.classes == seed.heldout.classes);
  CHECK(same(back.heldout.latents, dequantise(quantise(seed.heldout.latents))));
  CHECK(same(back.fisher.at("head.bias"), seed.fisher.at("head.bias")));
  CHECK(back.statistics[2].sum == seed.statistics[2].sum);
  CHECK(back.statistics[2].moment[5] == Approx(seed.statistics[2].moment[5]).epsilon(1e-6));
  CHECK(back.normaliser.deviation == std::vector<float>{2, 3});

  write_seed(folder / "y.seed.safetensors", back);
  const Seed again = read_seed(folder / "y.seed.safetensors");
  CHECK(again.statistics[0].moment == back.statistics[0].moment);
}

TEST_CASE("the same data and seed make the same seed memory", "[seed]") {
  CHECK(same(example().replay.latents, example().replay.latents));
  CHECK(same(example().fisher.at("head.weight"), example().fisher.at("head.weight")));
}

TEST_CASE("held-out rows are a fraction of every class, and at least one", "[seed]") {
  std::vector<ClassIndex> classes(100, 0);
  classes.insert(classes.end(), {1, 1, 2, 2, 2});
  const std::vector<bool> heldout = heldout_rows(classes, {.heldout_fraction = 0.2, .heldout_per_class = 15});
  CHECK(std::count(heldout.begin(), heldout.begin() + 100, true) == 15);
  CHECK(std::count(heldout.begin() + 100, heldout.begin() + 102, true) == 1);
  CHECK(std::count(heldout.begin() + 102, heldout.end(), true) == 1);
}

TEST_CASE("a seed that contradicts itself is refused with what and where", "[seed]") {
  TemporaryFolder folder;
  const auto path = folder / "bad.seed.safetensors";
  write_seed(path, example());
  struct Row {
    const char* what;
    std::function<void(engine::NamedTensors&)> damage;
    const char* expected;
  };
  const std::vector<Row> table{
      {"another file", [](auto& f) { f.metadata.erase("format"); }, "this is not a seed memory"},
      {"no labels", [](auto& f) { f.metadata["labels"] = "[]"; }, "'labels'"},
      {"a label twice", [](auto& f) { f.metadata["labels"] = R"(["a","b","a"])"; }, "'a' stands twice"},
      {"temperature", [](auto& f) { f.metadata["temperature"] = "-1"; }, "'temperature'"},
      {"missing codes", [](auto& f) { f.tensors.erase("replay.codes"); }, "'replay.codes' is missing"},
      {"too few scales", [](auto& f) { f.tensors["replay.scales"] = Tensor(engine::DType::f32, Shape{4}); },
       "'replay.scales' is f32 [4], expected f32 [90]"},
      {"class out of range",
       [](auto& f) {
         Tensor classes = f.tensors["heldout.classes"].clone();
         classes.template mutable_values<std::int32_t>()[0] = 3;
         f.tensors["heldout.classes"] = classes;
       },
       "holds class 3 of 3"},
      {"NaN in statistics",
       [](auto& f) {
         Tensor sum = f.tensors["statistics.sum"].clone();
         sum.template mutable_values<double>()[0] = std::nan("");
         f.tensors["statistics.sum"] = sum;
       },
       "'statistics.sum' has values that are not finite"},
      {"negative Fisher",
       [](auto& f) {
         Tensor fisher = f.tensors["fisher.head.bias"].clone();
         fisher.template mutable_values<float>()[0] = -1;
         f.tensors["fisher.head.bias"] = fisher;
       },
       "'fisher.head.bias' holds a negative value"},
      {"deviation of zero",
       [](auto& f) { f.tensors["input.deviation"] = Tensor(engine::DType::f32, Shape{2}); },
       "'input.deviation'"},
  };
  for (const Row& row : table) {
    INFO(row.what);
    engine::NamedTensors file = engine::read_safetensors(path);
    row.damage(file);
    const auto damaged = folder / "damaged.safetensors";
    engine::write_safetensors(damaged, file);
    try {
      read_seed(damaged);
      FAIL("it was accepted");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == Errc::corrupt);
      CHECK_THAT(failure.what(), Catch::Contains("damaged.safetensors") && Catch::Contains(row.expected));
    }
  }
}

TEST_CASE("a seed needs every class on both sides", "[seed]") {
  Parts parts(kSeed);
  Clusters clusters(3, 6, 1.0, kSeed);
  const LabelledLatents all = clusters.draw(5, 0, 3), two = clusters.draw(5, 0, 2);
  CHECK_THROWS_AS(make_seed(parts.linear(6, 3), {"a", "b", "c"}, all, two, {}, {}), Failure);
  CHECK_THROWS_AS(make_seed(parts.linear(6, 2), {"a", "b"}, all, all, {}, {}), Failure);
}
