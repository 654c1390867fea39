#include "learning/kernel_seat.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "learning/kernel_fit.h"
#include "learning/named_tensors.h"
#include "learning/versions.h"
#include "tests/learning/clusters.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 31;
constexpr std::size_t kWidth = 24, kClasses = 4;

/// A seat fitted to forty examples of four clusters: the first half of the seed, then episodes 100, 101 …
KernelSeat seated() {
  const LabelledLatents drawn = Clusters(kClasses, kWidth, 0.5, kSeed).draw(10, 0, kClasses);
  KernelSeat seat;
  seat.examples.latents = quantise(drawn.latents);
  seat.examples.classes = drawn.classes;
  for (std::size_t i = 0; i < drawn.size(); ++i) seat.examples.episodes.push_back(i < 20 ? 0 : 80 + i);
  const auto head = fit_kernel({dequantise(seat.examples.latents), drawn.classes}, kClasses);
  seat.weights = head.weights();
  seat.sharpness = head.sharpness();
  seat.network = 0.5f, seat.kernel = 2;
  return seat;
}

Version with_kernel(float value) {
  Version version;
  version.labels = {"a", "b", "c", "d"};
  version.weights.emplace("w", Tensor::from<float>(Shape{1}, {value}));
  version.kernel = seated();
  return version;
}

bool same(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.values<float>(), b.values<float>());
}

std::string bytes_of(const std::filesystem::path& folder) {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

/// The codes of one example, as they are on disk.
std::string needle(const KernelSeat& seat, std::size_t row) {
  const auto codes = seat.examples.latents.codes.values<std::int8_t>().subspan(row * kWidth, kWidth);
  return {reinterpret_cast<const char*>(codes.data()), codes.size()};
}

bool is_100(std::uint64_t episode) { return episode == 100; }

}  // namespace

TEST_CASE("a version brings its kernel head back", "[kernel]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  const Version version = with_kernel(1);
  store.commit(version);
  const Version back = store.load(1);
  REQUIRE(back.kernel);
  const auto test = Clusters(kClasses, kWidth, 0.5, kSeed).draw(20, 0, kClasses);
  const engine::KernelSeat before = version.kernel->open(), after = back.kernel->open();
  CHECK(after.network == before.network);
  CHECK(after.kernel == before.kernel);
  CHECK(same(after.head->scores(test.latents), before.head->scores(test.latents)));
}

TEST_CASE("a forgotten example is gone from every version's bytes", "[kernel]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  for (const float value : {1.0f, 2.0f, 3.0f}) store.commit(with_kernel(value));
  const std::string lost = needle(seated(), 20), other = needle(seated(), 21);
  REQUIRE(bytes_of(folder / "m").find(lost) != std::string::npos);
  const auto changed = store.forget(is_100, 2);
  REQUIRE((changed && *changed));
  CHECK(bytes_of(folder / "m").find(lost) == std::string::npos);
  CHECK(bytes_of(folder / "m").find(other) != std::string::npos);
  CHECK_FALSE(store.load(1).kernel);
  CHECK_FALSE(store.load(3).kernel);
  CHECK_FALSE(store.forget(is_100, 2));

  // As if it had never been there.
  const Version rest = store.load(2);
  REQUIRE(rest.kernel);
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < 40; ++i)
    if (i != 20) rows.push_back(i);
  const KernelSeat whole = seated();
  const LabelledLatents left = gather({dequantise(whole.examples.latents), whole.examples.classes}, rows);
  const auto test = Clusters(kClasses, kWidth, 0.5, kSeed).draw(20, 0, kClasses);
  CHECK(
      same(rest.kernel->open().head->scores(test.latents), fit_kernel(left, kClasses).scores(test.latents)));
  CHECK(rest.kernel->kernel == whole.kernel);
}

TEST_CASE("a kernel head whose examples are all forgotten leaves the network alone", "[kernel]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  store.commit(with_kernel(1));
  const auto changed = store.forget([](std::uint64_t) { return true; }, 1);
  REQUIRE(changed);
  CHECK_FALSE(*changed);
  CHECK_FALSE(store.load(1).kernel);
}

TEST_CASE("a damaged kernel file is noticed, and goes when something is to be forgotten", "[kernel]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  store.commit(with_kernel(1));
  const auto file = folder / "m" / "1" / "kernel.safetensors";
  {
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(-1, std::ios::end);
    damaged.put('!');
  }
  CHECK_THROWS_AS(store.load(1), Failure);
  const auto changed = store.forget(is_100, 1);
  REQUIRE(changed);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK_FALSE(store.load(1).kernel);
}

TEST_CASE("parts of a kernel seat that contradict each other are refused", "[kernel]") {
  engine::NamedTensors file = packed(seated());
  const auto change = [&](const char* name, Tensor tensor) {
    file.tensors.insert_or_assign(name, std::move(tensor));
  };
  SECTION("fewer episodes") { change("episodes", Tensor(engine::DType::u64, Shape{3})); }
  SECTION("other weights") { change("weights", Tensor(engine::DType::f32, Shape{40, 1})); }
  SECTION("no scales") { file.tensors.erase("scales"); }
  SECTION("another type") { change("classes", Tensor(engine::DType::f32, Shape{40})); }
  seal(file);
  CHECK_THROWS_AS(unpacked_seat(file, "a file"), Failure);
}
