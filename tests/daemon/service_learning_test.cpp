#include <catch2/catch.hpp>
#include <fstream>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 17;

/// A folder with a model, and a service on it that can be started again.
struct World {
  explicit World(FastWeights fast = FastWeights::automatic) {
    INFO("seed " << kSeed);
    model.write(folder.file(""), "colours");
    options = small_options(folder);
    options.models[0].fast = fast;
    start();
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }

  TemporaryFolder folder;
  SmallModel model{kSeed};
  Options options;
  std::optional<RunningService> running;
};

/// Teaches examples of `colour` until `count` of them were for training.
void teach_training(World& world, const std::string& colour, int count, std::uint64_t first = 0) {
  for (int taught = 0; taught < count; ++first)
    taught += !world.running->teach(world.model.example(colour, first), colour).held_out;
}

std::string predicted(World& world, const engine::Tensor& input) {
  const Answered answered = world.running->ask(input);
  return answered.labels().at(answered.result.rows.at(0).decision.predicted);
}

TEST_CASE("a restart rebuilds fast weights bit by bit, corrections and new classes included", "[service]") {
  const FastWeights fast = GENERATE(FastWeights::slda, FastWeights::ridge, FastWeights::sgd);
  INFO("fast weights " << int(fast) << ", seed " << kSeed);
  World world(fast);
  std::vector<memory::EpisodeId> ids;
  for (std::uint64_t i = 0; i < 12; ++i)
    ids.push_back(world.running->teach(world.model.example("grey", i), i % 3 == 0 ? "red" : "grey").episode);
  for (const std::size_t wrong : {0u, 3u, 6u})
    world.running->wait(world.running->service().teach("colours", ids[wrong], "pink"));
  for (std::uint64_t i = 0; i < 4; ++i) world.running->teach(world.model.example("blue", i), "blue");
  world.running->wait(world.running->service().teach("colours", ids[0], "grey"));

  const auto before = world.running->probabilities(world.model.probes(5));
  world.start();
  CHECK(world.running->probabilities(world.model.probes(5)) == before);
  CHECK(world.running->ask(world.model.probes(1)).labels() ==
        std::vector<std::string>{"red", "green", "blue", "grey", "pink"});
}

TEST_CASE("a label never heard before is a class from the next inference on", "[service]") {
  World world;
  const engine::Tensor unseen = world.model.example("grey", 900);
  CHECK(predicted(world, unseen) != "grey");
  CHECK(world.running->teach(world.model.example("grey", 0), "grey").new_class);
  CHECK_FALSE(world.running->teach(world.model.example("grey", 1), "grey").new_class);
  CHECK_FALSE(world.running->teach(world.model.example("red", 1), "red").new_class);
  teach_training(world, "grey", 6, 10);
  CHECK(predicted(world, unseen) == "grey");
  CHECK(predicted(world, world.model.example("red", 901)) == "red");
}

TEST_CASE("labels that are held out never train", "[service]") {
  World world;
  teach_training(world, "grey", 2);
  const auto weights = [&] {
    return world.running->on_io([&] {
      const auto values =
          world.running->service().model("colours").served.model->fast->weights.values<float>();
      return std::vector<float>(values.begin(), values.end());
    });
  };
  const auto before = weights();
  int held_out = 0;
  for (std::uint64_t i = 100; held_out < 3; ++i) {
    const Answered answered = world.running->ask(world.model.example("grey", i));
    if (!memory::is_held_out(answered.ids[0])) continue;
    CHECK(world.running->wait(world.running->service().teach("colours", answered.ids[0], "grey")).held_out);
    ++held_out;
  }
  CHECK(weights() == before);
  teach_training(world, "grey", 1, 300);
  CHECK(weights() != before);
}

TEST_CASE("an episode is taught through its own model only", "[service]") {
  World world;
  world.running.reset();
  world.model.write(world.folder.file(""), "wide", 24);
  ModelOptions wide = world.options.models[0];
  wide.name = "wide";
  wide.path = world.folder.file("wide.onnx");
  wide.seed = world.folder.file("wide.seed.safetensors");
  world.options.models.push_back(wide);
  world.start();

  const TaughtAnswer mine = world.running->teach(world.model.example("grey", 0), "grey");
  const auto before = world.running->probabilities(world.model.probes(2), "wide");
  CHECK_THROWS_AS(world.running->wait(world.running->service().teach("wide", mine.episode, "pink")), Failure);
  const memory::EpisodeId recent = world.running->ask(world.model.example("grey", 1)).ids[0];
  CHECK_THROWS_AS(world.running->wait(world.running->service().teach("wide", recent, "pink")), Failure);

  CHECK(world.running->probabilities(world.model.probes(2), "wide") == before);
  const auto stored =
      world.running->on_storage([&] { return world.running->service().store().find(mine.episode); });
  CHECK(stored->label == "grey");
  world.start();
  CHECK(world.running->probabilities(world.model.probes(2), "wide") == before);
}

TEST_CASE("a model with another latent under the old name starts; what it cannot read is passed over",
          "[service]") {
  World world;
  teach_training(world, "grey", 3);
  world.running.reset();
  world.model.write(world.folder.file(""), "colours", 24);
  world.start();
  CHECK(predicted(world, world.model.example("red", 1)) == "red");
  CHECK(world.running->teach(world.model.example("pink", 1), "pink").new_class);
}

TEST_CASE("a second daemon on the same state is refused and disturbs nothing", "[service]") {
  World world;
  const std::int64_t sleep =
      world.running->on_storage([&] { return world.running->service().store().begin_sleep("colours"); });
  boost::asio::io_context io;
  const ManualClock clock;
  CHECK_THROWS_WITH(Service(world.options, io, drivers::all_drivers(), clock),
                    Catch::Contains("state") && Catch::Contains("another"));
  CHECK(world.running->on_storage([&] { return world.running->service().store().sleep(sleep)->state; }) ==
        memory::SleepState::running);
}

TEST_CASE("an old answer that nobody kept is gone, an id never given is not found", "[service]") {
  World world;
  world.running.reset();
  world.options.memory.working.items = 4;
  world.start();
  const memory::EpisodeId old = world.running->ask(world.model.example("red", 0)).ids[0];
  world.running->ask(world.model.probes(1));
  const auto code_of = [&](memory::EpisodeId id) {
    try {
      world.running->wait(world.running->service().teach("colours", id, "red"));
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return Errc::internal;
  };
  CHECK(code_of(old) == Errc::gone);
  CHECK(code_of(1'000'000) == Errc::not_found);
  CHECK(code_of(0) == Errc::not_found);
}

}  // namespace
}  // namespace dormouse::daemon
