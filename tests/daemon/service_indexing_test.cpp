#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "daemon/service/indexing.h"
#include "tests/daemon/running_service.h"

using namespace dormouse;
using namespace dormouse::daemon;

namespace {

constexpr std::size_t kEpisodes = 6'000;
constexpr std::size_t kLatent = 16;

/// A service on a memory that is large enough for a graph.
struct Library {
  TemporaryFolder folder;
  Options options = small_options(folder);
  std::unique_ptr<RunningService> running;
  std::unique_ptr<Indexing> indexing;

  Library() {
    SmallModel(5).write(folder.path, "colours");
    options.memory.episodic.index = memory::IndexKind::hnsw;
    std::filesystem::create_directories(options.state);
    fill();
    start();
  }
  ~Library() { stop(); }

  void fill() {
    SystemClock clock;
    memory::Store store({options.state / "dormouse.db", options.memory.episodic, ""}, clock);
    std::mt19937 random(31);
    std::normal_distribution<float> normal;
    std::vector<float> latent(kLatent);
    memory::EpisodeId id = store.reserve_ids(kEpisodes).first;
    for (std::size_t i = 0; i < kEpisodes; ++i, ++id) {
      for (std::size_t j = 0; j < kLatent; ++j)
        latent[j] = static_cast<float>(i % 16 == j) * 3 + 0.5f * normal(random);
      memory::Episode episode;
      episode.id = id;
      episode.model = "colours";
      episode.prediction = "red";
      episode.latent = memory::quantise(latent);
      store.remember(std::move(episode));
      if (i % 500 == 0) store.flush();
    }
  }
  void start() {
    running = std::make_unique<RunningService>(options, folder);
    indexing = std::make_unique<Indexing>(running->service());
  }
  void stop() {
    running.reset();  // its end waits for what indexing began
    indexing.reset();
  }
  void consider() { running->wait(indexing->consider()); }
  std::future<void> begin() { return running->begin(indexing->consider()); }
  std::shared_ptr<const memory::VectorIndex> index() {
    return running->on_io([this] { return running->service().model("colours").served.index; });
  }
  std::filesystem::path checkpoint() const { return options.state / "index" / "colours.hnsw"; }
};

std::vector<memory::EpisodeId> nearest(const memory::VectorIndex& index) {
  std::vector<memory::EpisodeId> ids;
  for (const memory::Match& match : index.search(std::vector(kLatent, 0.5f), 10)) ids.push_back(match.id);
  return ids;
}

}  // namespace

TEST_CASE(
    "a large memory is served by a scan at once, by a graph when there is one, and after a start by its "
    "checkpoint",
    "[indexing]") {
  INFO("seed 31");
  Library library;
  CHECK_FALSE(library.index()->has_graph());
  const auto scanned = nearest(*library.index());
  library.consider();
  CHECK(library.index()->has_graph());
  CHECK(nearest(*library.index()) == scanned);
  REQUIRE(std::filesystem::exists(library.checkpoint()));
  const auto written = std::filesystem::last_write_time(library.checkpoint());

  library.stop();
  library.start();
  CHECK_FALSE(library.index()->has_graph());
  library.consider();
  CHECK(library.index()->has_graph());
  CHECK(nearest(*library.index()) == scanned);
  CHECK(std::filesystem::last_write_time(library.checkpoint()) == written);  // read, not built

  // What is taught and let go goes on being right under a graph.
  const SmallModel model(5);
  const TaughtAnswer taught = library.running->teach(model.example("grey", 1), "grey");
  const auto grey = library.running->ask(model.example("grey", 1)).result.rows.at(0).latent;
  CHECK(library.index()->search(grey, 1).at(0).id == taught.episode);
  library.running->on_storage(
      [&] { library.running->service().learner("colours").evicted(std::array{scanned[0]}); });
  CHECK(nearest(*library.index())[0] == scanned[1]);

  library.stop();
  {
    std::fstream file(library.checkpoint(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(100'000);
    file.write("dormouse", 8);
  }
  library.start();
  library.consider();
  CHECK(library.index()->has_graph());
  CHECK(nearest(*library.index()) == scanned);
  CHECK(std::filesystem::last_write_time(library.checkpoint()) != written);  // thrown away, built again
}

TEST_CASE("what is forgotten while a graph's checkpoint is written does not come back with it",
          "[indexing]") {
  INFO("seed 31");
  Library library;
  const auto victims = nearest(*library.index());
  auto considered = library.begin();
  while (!library.index()->has_graph()) std::this_thread::yield();
  memory::Selection selection{.model = "colours"};
  selection.ids = victims;
  library.running->wait(library.running->service().forget(selection, false));
  considered.get();
  CHECK_FALSE(std::filesystem::exists(library.checkpoint()));
  const auto unfinished = library.checkpoint().parent_path() / "unfinished";
  CHECK(std::filesystem::is_empty(unfinished));
  const auto left = nearest(*library.index());
  for (const memory::EpisodeId id : victims) CHECK(std::ranges::find(left, id) == left.end());

  library.stop();
  std::ofstream(unfinished / "colours") << "of a process that was killed";
  library.start();
  CHECK_FALSE(std::filesystem::exists(unfinished));
  library.consider();
  CHECK(library.index()->has_graph());
  CHECK(nearest(*library.index()) == left);
}

TEST_CASE("told to stop, the building of a graph ends and nothing is put in service", "[indexing]") {
  Library library;
  library.indexing->stop();
  library.consider();
  CHECK_FALSE(library.index()->has_graph());
  CHECK_FALSE(std::filesystem::exists(library.checkpoint()));
}
