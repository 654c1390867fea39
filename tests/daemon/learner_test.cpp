#include "daemon/service/learner.h"

#include <catch2/catch.hpp>

#include "drivers/all_drivers.h"
#include "tests/daemon/small_model.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 41;
constexpr memory::EpisodeId kIds = 1000;

/// A learner on a memory of its own, without the threads of a service.
struct Pupil {
  explicit Pupil(memory::EpisodicOptions episodic = {}) : memory{episodic} {
    INFO("seed " << kSeed);
    model.write(folder.file(""), "colours");
    options.name = "colours";
    options.path = folder.file("colours.onnx");
    options.seed = folder.file("colours.seed.safetensors");
    wake();
    store->reserve_ids(kIds);
  }
  /// Starts again on what is on disk.
  void wake() {
    learner.reset();
    store.reset();
    store.emplace(memory::StoreOptions{folder.file("dormouse.db"), memory, ""}, clock);
    versions.emplace(folder.file("versions"), files);
    learner.emplace(load_model(options, drivers::all_drivers()), NightOptions{}, *store, &*versions);
  }

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
  memory::EpisodicOptions memory;
  ManualClock clock;
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

}  // namespace

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
