#include "learning/versions.h"

#include <fstream>

#include "learning/manifest.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

Version example(float value) {
  Version version{.sleep = "7",
                  .time = "2024-06-01T02:00:00Z",
                  .labels = {"zero", "one", "nine \"quoted\""},
                  .temperature = 1.25f,
                  .arbiter = {{0.5f, 0.25f}, {0.5f, 0.75f}},
                  .weights = {},
                  .fisher = {}};
  version.weights.emplace("head.weight", Tensor::from<float>(Shape{3, 2}, {value, 2, 3, 4, 5, 6}));
  version.fisher.emplace("head.weight", Tensor(engine::DType::f32, Shape{3, 2}));
  return version;
}

/// The power fails at the nth operation: from then on nothing happens.
class FailingFiles final : public Files {
 public:
  explicit FailingFiles(int operations) : left_(operations) {}
  void make_directory(const std::filesystem::path& path) override { spend(), Files::make_directory(path); }
  void write(const std::filesystem::path& path, std::span<const std::byte> bytes) override {
    if (left_ == 1) Files::write(path, bytes.first(bytes.size() / 2));  // torn
    spend(), Files::write(path, bytes);
  }
  void write(const std::filesystem::path& path, const engine::NamedTensors& tensors) override {
    spend(), Files::write(path, tensors);
  }
  void sync_directory(const std::filesystem::path& path) override { spend(), Files::sync_directory(path); }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    spend(), Files::rename(from, to);
  }

 private:
  void spend() {
    if (--left_ <= 0) throw Failure(Errc::io, "the power is gone");
  }
  int left_;
};

void flip(const std::filesystem::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  REQUIRE(file.good());
  file.seekp(at);
  file.put(byte);
}

float first_weight(const Version& version) { return version.weights.at("head.weight").values<float>()[0]; }

}  // namespace

TEST_CASE("SHA-256 is that of the standard", "[versions]") {
  CHECK(sha256(std::as_bytes(std::span("abc", 3))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a committed version comes back whole", "[versions]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  CHECK(store.list().empty());
  CHECK(store.commit(example(1)) == 1);
  CHECK(store.commit(example(2)) == 2);
  const Version back = VersionStore(folder / "m", files).load(2);
  const Version expected = example(2);
  CHECK(back.number == 2);
  CHECK(back.labels == expected.labels);
  CHECK(back.sleep == expected.sleep);
  CHECK(back.time == expected.time);
  CHECK(back.temperature == expected.temperature);
  CHECK(back.arbiter.fast == expected.arbiter.fast);
  CHECK(first_weight(back) == 2);
  CHECK(back.fisher.contains("head.weight"));
  CHECK_THROWS_AS(store.load(3), Failure);
}

TEST_CASE("versions of another file of the model are not loaded", "[versions]") {
  TemporaryFolder folder;
  Files files;
  VersionStore(folder / "m", files).commit(example(1));  // from before files were noted
  VersionStore first(folder / "m", files, {"f1"}), second(folder / "m", files, {"f2", false});
  CHECK(first.commit(example(2)) == 2);
  CHECK(second.commit(example(3)) == 3);
  CHECK(second.load(3).file == "f2");
  CHECK(first_weight(*first.last_good(9, {})) == 2);
  CHECK(first_weight(first.load(1)) == 1);
  CHECK_THROWS_WITH(first.load(3), Catch::Contains("version 3 was learnt on another file"));
  CHECK_THROWS_WITH(second.load(1), Catch::Contains("version 1 was learnt on another file"));
  CHECK(first_weight(*second.last_good(9, {})) == 3);
  CHECK_FALSE(second.last_good(2, {}));
  CHECK(second.list().at(0).damage);
  CHECK_FALSE(second.list().at(2).damage);
}

TEST_CASE("a commit that fails at any step leaves the old versions and no half one", "[versions]") {
  int completed = 0;
  for (int operations = 1; operations < 30 && completed == 0; ++operations) {
    INFO("power fails at operation " << operations);
    TemporaryFolder folder;
    Files files;
    VersionStore(folder / "m", files).commit(example(1));
    bool committed = false;
    try {
      FailingFiles failing(operations);
      VersionStore(folder / "m", failing).commit(example(2));
      committed = true;
      completed = operations;
    } catch (const Failure&) {
    }
    VersionStore reopened(folder / "m", files);
    const auto versions = reopened.list();
    for (const VersionSummary& summary : versions) CHECK_FALSE(summary.damage.has_value());
    const auto last = reopened.last_good(1'000, {});
    REQUIRE(last);
    CHECK(first_weight(*last) == (versions.size() == 2 ? 2 : 1));
    if (committed) CHECK(versions.size() == 2);
    for (const auto& entry : std::filesystem::directory_iterator(folder / "m"))
      CHECK(entry.path().filename().string().front() != '.');
    const std::int64_t next = reopened.commit(example(3));
    CHECK(next > versions.back().number);
    CHECK(first_weight(reopened.load(next)) == 3);
  }
  CHECK(completed > 8);
}

TEST_CASE("the number of a removed version is not given again", "[versions]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  store.commit(example(1));
  store.commit(example(2));
  std::filesystem::remove_all(folder / "m" / "2");
  CHECK(store.commit(example(3)) == 3);
}

TEST_CASE("damage is noticed, named and passed over", "[versions]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  store.commit(example(1));
  store.commit(example(2));
  const auto second = folder / "m" / "2";
  const auto damage = GENERATE(as<std::string_view>{}, "weights", "manifest", "missing", "emptied");
  INFO(damage);
  if (damage == "weights") flip(second / "weights.safetensors", 100);
  if (damage == "manifest") flip(second / "manifest.json", 0);
  if (damage == "missing") std::filesystem::remove(second / "fisher.safetensors");
  if (damage == "emptied") std::filesystem::resize_file(second / "manifest.json", 0);
  try {
    store.load(2);
    FAIL("it was loaded");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::corrupt);
    CHECK_THAT(failure.what(), Catch::Contains("/m/2/"));
  }
  std::vector<std::int64_t> skipped;
  const auto last =
      store.last_good(1'000, [&](std::int64_t number, const Error&) { skipped.push_back(number); });
  REQUIRE(last);
  CHECK(last->number == 1);
  CHECK(skipped == std::vector<std::int64_t>{2});
  CHECK(store.list()[1].damage.has_value());
}

TEST_CASE("a rejected version is kept but never chosen", "[versions]") {
  TemporaryFolder folder;
  Files files;
  VersionStore store(folder / "m", files);
  store.commit(example(1));
  Version rejected = example(2);
  rejected.accepted = false;
  store.commit(rejected);
  CHECK(store.last_good(1'000, {})->number == 1);
  CHECK_FALSE(store.list()[1].accepted);
  CHECK(store.last_good(0, {}).has_value() == false);
}
