#include "daemon/service/learner.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "daemon/service/consolidated.h"
#include "drivers/all_drivers.h"
#include "tests/daemon/small_model.h"
#include "tests/memory/failing_vfs.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 41;
constexpr memory::EpisodeId kIds = 1000;
constexpr std::size_t kLatent = 16;

/// A learner on a memory of its own, without the threads of a service.
struct Pupil {
  explicit Pupil(FastWeights fast = FastWeights::automatic) {
    INFO("seed " << kSeed);
    model.write(folder.file(""), "colours");
    options.name = "colours";
    options.path = folder.file("colours.onnx");
    options.seed = folder.file("colours.seed.safetensors");
    options.fast = fast;
    std::filesystem::create_directory(state());
    wake();
    store->reserve_ids(kIds);
  }
  /// Starts again on what is on disk.
  void wake() {
    learner.reset();
    store.reset();
    store.emplace(memory::StoreOptions{state() / "dormouse.db", {}, disk.name()}, clock);
    store->distil_with(
        [this](std::span<const memory::Episode> gone) { return consolidated_with(*store, gone); });
    versions.emplace(folder.file("versions"), files);
    const auto parts = load_model(options, drivers::all_drivers());
    learner.emplace(parts, NightOptions{}, *store, &*versions, file_in_service(*store, *parts));
  }

  std::filesystem::path state() const { return folder.path / "state"; }
  std::string bytes() {
    store->checkpoint();
    std::ifstream in(state() / "dormouse.db", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Teaches `count` training examples of a colour, with ids from `first` on; these.
  std::vector<memory::Episode> teach(const std::string& colour, std::size_t count, memory::EpisodeId first) {
    std::vector<memory::Episode> taught;
    for (memory::EpisodeId id = first; taught.size() < count; ++id) {
      if (memory::is_held_out(id)) continue;
      taught.push_back(seen(id, colour));
      learner->teach(id, taught.back(), colour);
    }
    return taught;
  }
  std::size_t labelled() const { return store->statistics().labelled; }

  std::vector<float> latent(const engine::Tensor& input) const {
    const auto outputs = learner->served().model->session->run(std::array{input});
    const auto values = outputs.back().values<float>();
    return {values.begin(), values.end()};
  }
  memory::Episode seen(memory::EpisodeId id, const std::string& colour) const {
    const engine::Tensor input = model.example(colour, id);
    const auto values = input.values<float>();
    memory::Episode episode;
    episode.id = id;
    episode.model = "colours";
    episode.time = episode.last_used = clock.wall();
    episode.latent = memory::quantise(latent(input));
    episode.prediction = "red";
    episode.clip = {{1, SmallModel::kWidth}, {values.begin(), values.end()}};
    return episode;
  }
  std::vector<float> fast_weights() const {
    const auto weights = learner->served().model->fast->weights.values<float>();
    return {weights.begin(), weights.end()};
  }

  TemporaryFolder folder;
  SmallModel model{kSeed};
  ModelOptions options;
  ManualClock clock;
  FailingVfs disk;
  learning::Files files;
  std::optional<memory::Store> store;
  std::optional<learning::VersionStore> versions;
  std::optional<Learner> learner;
};

/// The first id from `id` on that is for training.
memory::EpisodeId training_id(memory::EpisodeId id) {
  while (memory::is_held_out(id)) ++id;
  return id;
}

/// The largest difference, relative to the largest weight.
float difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float gap = 0, most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    gap = std::max(gap, std::abs(a[i] - b[i]));
    most = std::max(most, std::abs(a[i]));
  }
  return gap / most;
}

constexpr float kRounding = 1e-6f;

/// What the end of these episodes' statistics looks like on disk; their beginning is on another page.
std::string statistics_of(const std::vector<memory::Episode>& episodes) {
  learning::ClassStatistics statistics(kLatent);
  for (const memory::Episode& episode : episodes) statistics.add(memory::dequantise(episode.latent));
  const std::string bytes = learning::to_bytes(statistics);
  return bytes.substr(bytes.size() - 400);
}

}  // namespace

TEST_CASE("the fast head outlives the episodes that it learnt from", "[service]") {
  Pupil pupil;
  pupil.teach("grey", 20, 1);
  pupil.teach("pink", 15, 100);
  pupil.teach("red", 10, 200);
  for (int round = 0; round < 2; ++round) {
    INFO("round " << round);
    const auto before = pupil.fast_weights();
    const std::size_t held = pupil.labelled();
    pupil.store->let_go_least_valuable(20);
    CHECK(pupil.labelled() == held - 20);
    pupil.wake();
    CHECK(difference(before, pupil.fast_weights()) < kRounding);
    // A corrected label is taken back as before, an unknown class comes to those that were let go.
    const auto left = pupil.store->labelled("colours");
    pupil.learner->teach(left.front().id, {}, "blue");
    pupil.teach("gold", 5, 300 + 10 * static_cast<memory::EpisodeId>(round));
    const auto taught = pupil.fast_weights();
    pupil.wake();
    CHECK(difference(taught, pupil.fast_weights()) < kRounding);
  }
  const auto with = pupil.fast_weights();
  pupil.store->put(consolidated_without(*pupil.store, {.model = "colours"}, pupil.learner->labels()));
  pupil.wake();
  const auto without = pupil.fast_weights();
  CHECK(difference(with, without) > 0.01f);  // they would have been missed
}

TEST_CASE("gradient steps on what was let go are not repeated", "[service]") {
  Pupil pupil(FastWeights::sgd);
  pupil.teach("grey", 10, 1);
  pupil.store->let_go_least_valuable(9);
  const auto left = pupil.store->labelled("colours");
  REQUIRE(left.size() == 1);
  pupil.wake();
  Pupil other(FastWeights::sgd);
  other.learner->teach(left[0].id, other.seen(left[0].id, "grey"), "grey");
  CHECK(pupil.fast_weights() == other.fast_weights());
}

TEST_CASE("a power cut while memory lets episodes go costs neither them nor what they taught", "[service]") {
  const auto way = GENERATE(FailingVfs::Way::io_error, FailingVfs::Way::torn);
  Pupil pupil;
  pupil.teach("grey", 30, 1);
  const auto before = pupil.fast_weights();
  std::size_t cuts = 0;
  for (bool cut = true; cut; ++cuts) {
    INFO("operation " << cuts + 1);
    const std::size_t held = pupil.labelled();
    pupil.disk.break_at(cuts + 1, way);
    try {
      pupil.store->let_go_least_valuable(3);
    } catch (const Failure&) {
    }
    cut = pupil.disk.broke();
    pupil.learner.reset();
    pupil.store.reset();
    pupil.disk.repair();
    pupil.wake();
    CHECK((pupil.labelled() == held || pupil.labelled() == held - 3));
    CHECK(difference(before, pupil.fast_weights()) < kRounding);
  }
  CHECK(cuts > 2);
  CHECK(pupil.labelled() < 30);
}

TEST_CASE("forgetting reaches what the fast head kept of episodes let go", "[service]") {
  Pupil pupil, other;
  const auto greys = pupil.teach("grey", 12, 1);
  pupil.clock.advance(std::chrono::hours(1));
  const auto between = pupil.clock.wall();
  pupil.clock.advance(std::chrono::hours(1));
  const auto pinks = pupil.teach("pink", 12, 100);
  other.teach("pink", 12, 100);
  pupil.store->let_go_least_valuable(22);  // all but one of each
  const auto grey = [&] {
    return pupil.bytes().find(statistics_of({greys.begin(), greys.end() - 1})) != std::string::npos;
  };
  const auto pink = [&] {
    return pupil.bytes().find(statistics_of({pinks.begin(), pinks.end() - 1})) != std::string::npos;
  };
  REQUIRE(grey());
  REQUIRE(pink());
  const auto before = pupil.fast_weights();
  memory::Selection selection{.model = "colours"};

  SECTION("by label, without a byte or a weight left") {
    selection.label = "grey";
    pupil.learner->forget(selection, true);
    CHECK(grey());
    pupil.learner->forget(selection, false);
    CHECK_FALSE(grey());
    CHECK(pink());
    const auto check = [&] {
      // grey stays the fourth of five classes, pink is the fourth of four in the other's head.
      const auto mine = pupil.fast_weights(), its = other.fast_weights();
      REQUIRE(mine.size() == (kLatent + 1) * 5);
      REQUIRE(its.size() == (kLatent + 1) * 4);
      for (std::size_t row = 0; row <= kLatent; ++row) {
        CHECK(mine[row * 5 + 3] == (row < kLatent ? 0 : static_cast<float>(learning::kNever)));
        for (const std::size_t c : {0, 1, 2, 4})
          CHECK(mine[row * 5 + c] == Approx(its[row * 4 + std::min<std::size_t>(c, 3)]).margin(1e-4));
      }
    };
    check();
    pupil.wake();
    check();
  }
  SECTION("by time") {
    selection.before = between;
    pupil.learner->forget(selection, false);
    CHECK_FALSE(grey());
    CHECK(pink());
  }
  SECTION("by an id that may be in it") {
    selection.ids = {pinks[2].id};
    pupil.learner->forget(selection, false);
    CHECK(grey());
    CHECK_FALSE(pink());
  }
  SECTION("not by an id that memory holds") {
    selection.ids = {pinks.back().id};
    pupil.learner->forget(selection, false);
    CHECK(grey());
    CHECK(pink());
    CHECK(difference(before, pupil.fast_weights()) > 1e-4f);
  }
  SECTION("by likeness, all of it") {
    selection.like = memory::Selection::Near{memory::dequantise(greys[0].latent), 0.0f};
    pupil.learner->forget(selection, false);
    CHECK_FALSE(grey());
    CHECK_FALSE(pink());
  }
}

TEST_CASE("what an older trunk answered is taught as the present one sees it", "[service]") {
  Pupil plain, moved;
  const memory::EpisodeId id = training_id(1);
  const memory::Episode now = plain.seen(id, "grey");
  plain.learner->teach(id, now, "grey");

  memory::Episode then = now;
  then.embedding_version = 6;
  then.latent = memory::quantise(std::vector<float>(now.latent.codes.size(), 5.0f));
  SECTION("when its input is still there") {
    CHECK(moved.learner->teach(id, then, "grey").new_class);
    CHECK(moved.store->find(id)->latent == now.latent);
    CHECK(moved.store->find(id)->embedding_version == 0);
    CHECK(moved.fast_weights() == plain.fast_weights());
    moved.wake();
    CHECK(moved.fast_weights() == plain.fast_weights());
  }
  SECTION("and is refused when its input is gone") {
    const auto before = moved.fast_weights();
    then.clip = {};
    CHECK_THROWS_WITH(moved.learner->teach(id, then, "grey"), Catch::Contains("ask again"));
    CHECK_FALSE(moved.store->find(id));
    CHECK(moved.store->labels("colours").empty());
    CHECK(moved.fast_weights() == before);
  }
  SECTION("and is remembered so, too") {
    moved.learner->remember(then);
    CHECK(moved.store->find(id)->latent == now.latent);
    CHECK(moved.learner->served().index->search(plain.latent(plain.model.example("grey", id)), 1)[0].id ==
          id);
    then.id = id + 1;
    then.clip = {};
    moved.learner->remember(then);
    CHECK_FALSE(moved.store->find(id + 1));
  }
}

}  // namespace dormouse::daemon
