#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <iterator>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using Catch::Contains;

constexpr std::uint64_t kSeed = 29;

/// A service on one model whose uncertain answers are remembered.
struct World {
  World() {
    INFO("seed " << kSeed);
    model.write(folder.file(""), "colours");
    options = small_options(folder);
    options.hrm.router.accept = 1;
    start();
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  /// Answers, and remembers when it is worth it.
  memory::EpisodeId live(const std::string& colour, std::uint64_t index, const std::string& stream = "") {
    const Answered answered = running->wait(
        running->service().infer("colours", {model.example(colour, index)}, true, {.stream = stream}, {}));
    return answered.ids.at(0);
  }
  std::vector<memory::EpisodeId> teach(const std::string& colour, std::uint64_t count) {
    std::vector<memory::EpisodeId> ids;
    for (std::uint64_t i = 0; i < count; ++i)
      ids.push_back(running->teach(model.example(colour, i), colour).episode);
    return ids;
  }
  json::value ask(const Reply& reply, unsigned status = 200) {
    INFO(reply.body);
    REQUIRE(reply.status == status);
    return parsed(reply);
  }
  Reply del(const std::string& target) {
    HttpClient admin(folder.file("admin.sock"));
    return admin.send({.method = "DELETE", .target = target});
  }

  TemporaryFolder folder;
  SmallModel model{kSeed};
  Options options;
  std::optional<RunningService> running;
};

std::string bytes_below(const fs::path& path) {
  std::string bytes;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(in), {});
  }
  return bytes;
}

std::string text(const json::value& value) { return std::string(value.as_string()); }
int number(const json::value& value) { return value.to_number<int>(); }

std::string predicted(World& world, const engine::Tensor& input) {
  const Answered answered = world.running->ask(input);
  return answered.labels().at(answered.result.rows.at(0).decision.predicted);
}

/// Begins both while nothing is stored, in this order, and lets them go on.
template <class First, class Second>
auto begin_both(World& world, boost::asio::awaitable<First> first, boost::asio::awaitable<Second> second) {
  std::promise<void> go;
  boost::asio::post(world.running->service().storage(), [gone = go.get_future().share()] { gone.wait(); });
  auto one = world.running->begin(std::move(first));
  auto other = world.running->begin(std::move(second));
  world.running->on_io([] {});  // behind both
  go.set_value();
  return std::pair(std::move(one), std::move(other));
}

TEST_CASE("nobody teaches what is being forgotten", "[service]") {
  World world;
  Service& service = world.running->service();
  const auto id = world.running->ask(world.model.example("red", 1)).ids.at(0);
  auto [forget, teach] =
      begin_both(world, service.forget({.model = "colours", .ids = std::vector{id}}, false),
                 service.teach("colours", id, "red"));
  CHECK(forget.get().episodes == std::vector{id});
  CHECK_THROWS_WITH(teach.get(), Contains("'colours' is forgetting"));
  CHECK_FALSE(world.running->on_storage([&] { return service.store().find(id).has_value(); }));
  CHECK(world.teach("red", 1).size() == 1);
}

TEST_CASE("what forgetting leaves in service is not put there again later", "[service]") {
  World world;
  Service& service = world.running->service();
  const auto ids = world.teach("grey", 12);
  world.running->sleep({"colours", learning::Strategy::replay_ewc, false, {}});
  const auto version = [&] {
    return world.running->on_io([&] { return service.models().at("colours").served.model->version; });
  };
  REQUIRE(version() == 1);
  auto [forget, back] =
      begin_both(world, service.forget({.model = "colours", .ids = std::vector{ids[0]}}, false),
                 service.roll_back("colours", 0));
  forget.get();
  back.get();
  CHECK(version() == 0);
}

TEST_CASE("what is alike is told by its own fields alone", "[service]") {
  World world;
  const std::string id = std::to_string(world.teach("grey", 1)[0]);
  const auto told = world.ask(world.running->admin(
      "/v1/forget",
      R"({"model": "colours", "within": 1, "dry_run": true, "like": {"like": 0, "episode": )" + id + "}}"));
  CHECK(number(told.at("episodes")) >= 1);
}

TEST_CASE("a forgotten label leaves no byte in the state folder and no trace in answers", "[service]") {
  World world;
  const auto greys = world.teach("grey", 12);
  world.teach("red", 4);
  world.running->sleep({"colours", learning::Strategy::replay_ewc, false, {}});
  REQUIRE(predicted(world, world.model.example("grey", 900)) == "grey");
  std::vector<std::string> secrets;  // latents as they are coded, and raw inputs
  world.running->on_storage([&] {
    memory::Store& store = world.running->service().store();
    store.checkpoint();
    for (const memory::EpisodeId id : greys) {
      const auto codes = store.find(id)->latent.codes;
      secrets.emplace_back(reinterpret_cast<const char*>(codes.data()), codes.size());
      const auto clip = store.clip(id);
      REQUIRE(clip);
      secrets.emplace_back(reinterpret_cast<const char*>(clip->values.data()), clip->bytes());
    }
  });
  const fs::path kernel = fs::path(world.options.state) / "models" / "colours" / "1" / "kernel.safetensors";
  const auto held_by_kernel = [&](const std::string& secret) {
    std::ifstream in(kernel, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {}).find(secret) != std::string::npos;
  };
  REQUIRE(std::ranges::count_if(secrets, held_by_kernel) > 0);
  const fs::path checkpoint = fs::path(world.options.state) / "index" / "colours.hnsw";
  fs::create_directories(checkpoint.parent_path());
  std::ofstream(checkpoint) << secrets[0];
  const fs::path journal = fs::path(world.options.state) / "models" / "colours" / "night";
  fs::create_directories(journal);
  std::ofstream(journal / "journal.safetensors") << secrets[1];
  const auto traces = [&] {
    const std::string bytes = bytes_below(world.options.state);
    return std::ranges::count_if(secrets, [&](const auto& s) { return bytes.find(s) != bytes.npos; });
  };
  REQUIRE(traces() == std::ssize(secrets));

  const std::string order = R"({"model": "colours", "label": "grey"})";
  CHECK(world.running->post("/v1/forget", order).status == 403);
  const json::value would = world.ask(
      world.running->admin("/v1/forget", R"({"model": "colours", "label": "grey", "dry_run": true})"));
  CHECK(number(would.at("episodes")) >= 12);
  CHECK(number(would.at("concepts")) >= 1);
  CHECK(traces() == std::ssize(secrets));
  const json::value gone = world.ask(world.running->admin("/v1/forget", order));
  CHECK(gone == would);
  CHECK(traces() == 0);
  CHECK_FALSE(fs::exists(checkpoint));
  CHECK_FALSE(fs::exists(journal));
  CHECK(fs::exists(kernel));  // fitted again to the others
  CHECK(world.running->get("/v1/episodes/" + std::to_string(greys[0])).status == 410);
  world.running->on_io([&] {
    for (const memory::EpisodeId id : greys) CHECK(world.running->service().recent(id) == nullptr);
  });

  const auto answers = [&] {
    const Served served =
        world.running->on_io([&] { return world.running->service().model("colours").served; });
    for (const memory::Concept& one : *served.concepts) CHECK(one.label != "grey");
    const auto left = served.index->search(std::vector<float>(16, 1.0f), 64, {.label = 3});
    CHECK(left.empty());
    const auto weights = served.model->fast->weights.values<float>();
    const std::size_t classes = served.model->labels.size();
    REQUIRE(classes == 4);
    for (std::size_t i = 3; i < weights.size(); i += classes)
      CHECK(weights[i] == (i + classes < weights.size() ? 0 : static_cast<float>(learning::kNever)));
  };
  answers();
  world.start();
  answers();
  CHECK(predicted(world, world.model.example("red", 900)) == "red");
}

TEST_CASE("forgetting goes by time, by id and by likeness", "[service]") {
  World world;
  const auto greys = world.teach("grey", 3), pinks = world.teach("pink", 3);
  const auto episodes = [&](const std::string& order) {
    return number(world
                      .ask(world.running->admin("/v1/forget",
                                                R"({"model": "colours", "dry_run": true, )" + order + "}"))
                      .at("episodes"));
  };
  const std::string like = R"("like": {"episode": )" + std::to_string(greys[0]) + "}";
  CHECK(episodes(R"("ids": [)" + std::to_string(greys[0]) + ", " + std::to_string(pinks[2]) + "]") == 2);
  CHECK(episodes(R"("within": 0.0001, )" + like) == 1);
  CHECK(episodes(R"("within": 1000, )" + like) == 6);
  CHECK(episodes(R"("before": 1)") == 0);
  CHECK(episodes(R"("before": 4000000000)") == 6);
  for (const char* wrong :
       {"{}", R"({"model": "colours"})", R"({"model": "colours", "label": "x"})",
        R"({"model": "colours", "ids": 3})", R"({"model": "colours", "ids": [1], "before": 2})",
        R"({"model": "colours", "within": -1, "like": {"episode": 1}})"}) {
    INFO(wrong);
    const unsigned status = world.running->admin("/v1/forget", wrong).status;
    CHECK(status >= 400);
    CHECK(status < 500);
  }
  CHECK(number(world.ask(world.del("/v1/episodes/" + std::to_string(pinks[1]))).at("episodes")) == 1);
  CHECK(world.running->get("/v1/episodes/" + std::to_string(pinks[1])).status == 410);
  const json::value kept = world.ask(world.running->get("/v1/episodes/" + std::to_string(pinks[0])));
  CHECK(text(kept.at("label")) == "pink");
  CHECK(kept.at("clip").at("data").as_array().size() == 8);
}

TEST_CASE("what a night is learning from is not forgotten meanwhile", "[service]") {
  World world;
  const auto greys = world.teach("grey", 8);
  world.running.reset();
  world.options.sleep.cycle.steps = 100'000'000;  // till it is stopped
  world.start();
  world.running->wait(world.running->nights().start({"colours", {}, true, {}}));
  const std::string order = R"({"model": "colours", "label": "grey")";
  CHECK(world.running->admin("/v1/forget", order + "}").status == 409);
  CHECK(world.del("/v1/episodes/" + std::to_string(greys[0])).status == 409);
  CHECK(world.running->admin("/v1/forget", order + R"(, "dry_run": true})").status == 200);
  CHECK(world.running->get("/v1/episodes/" + std::to_string(greys[0])).status == 200);
}

TEST_CASE("with what it learnt from, an interrupted night is forgotten", "[service]") {
  World world;
  world.teach("grey", 8);
  world.running.reset();
  world.options.sleep.cycle.steps = 100'000'000;  // till it is cut short
  world.options.sleep.journal = std::chrono::milliseconds(1);
  world.start();
  const fs::path journal = world.options.state / "models" / "colours" / "night";
  const fs::path file = journal / "journal.safetensors";
  const std::int64_t id = world.running->wait(world.running->nights().start({"colours", {}, true, {}}));
  while (!fs::exists(file)) std::this_thread::yield();
  // What a power cut would leave behind. The file alone: the night writes others beside it meanwhile.
  const fs::path copy = world.folder.file("journal.safetensors");
  fs::copy_file(file, copy);
  world.running.reset();
  fs::create_directory(journal);
  fs::copy_file(copy, file);
  world.start();
  REQUIRE(world.ask(world.running->admin("/v1/forget", R"({"model": "colours", "label": "grey"})"))
              .at("episodes")
              .to_number<int>() >= 8);
  CHECK_FALSE(fs::exists(journal));
  world.running->wait(world.running->nights().resume());
  CHECK_FALSE(world.running->on_io([&] { return world.running->nights().asleep(); }));
  world.running->on_storage(
      [&] { CHECK(world.running->service().store().sleep(id)->state != memory::SleepState::running); });
}

TEST_CASE("a request may name its stream", "[service]") {
  World world;
  const std::string inputs =
      R"("inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 8], "data": [0, 0, 0, 0, 0, 0, 0, 0]}])";
  world.ask(world.running->post("/v2/models/colours/infer",
                                R"({"parameters": {"dormouse_stream": "porch"}, )" + inputs + "}"));
  const json::value found =
      world.ask(world.running->post("/v1/recall", R"({"filter": {"stream": "porch"}})"));
  REQUIRE(found.at("episodes").as_array().size() == 1);
  CHECK(text(found.at("episodes").at(0).at("stream")) == "porch");
  CHECK(world.running
            ->post("/v2/models/colours/infer", R"({"parameters": {"dormouse_stream": 3}, )" + inputs + "}")
            .status == 400);
}

TEST_CASE("review offers what is uncertain, once for all that is alike, and says when it is enough",
          "[service]") {
  World world;
  const json::value nothing = world.ask(world.running->get("/v1/review"));
  CHECK_FALSE(nothing.at("worthwhile").as_bool());
  CHECK(nothing.at("questions").as_array().empty());
  for (int copy = 0; copy < 4; ++copy)  // nobody can tell what it is
    world.running->wait(world.running->service().infer("colours", {world.model.between()}, true));
  for (std::uint64_t i = 0; i < 6; ++i) world.live(i % 2 ? "gold" : "pink", i);
  const json::value review = world.ask(world.running->get("/v1/review?model=colours&n=20"));
  CHECK(review.at("worthwhile").as_bool());
  const auto& questions = review.at("questions").as_array();
  REQUIRE(questions.size() >= 2);
  double before = 1;
  std::size_t covered = 0;
  bool grouped = false;
  for (const json::value& question : questions) {
    CHECK(question.at("score").to_number<double>() <= before);
    before = question.at("score").to_number<double>();
    covered += 1 + question.at("alike").as_array().size();
    grouped |= question.at("alike").as_array().size() >= 3;
    CHECK(question.at("clip").at("data").as_array().size() == 8);
    CHECK(question.at("episode").at("label").is_null());
  }
  CHECK(grouped);
  CHECK(static_cast<int>(covered) == number(review.at("unlabelled")));
  CHECK(world.ask(world.running->get("/v1/review?n=1")).at("questions").as_array().size() == 1);
  CHECK(world.running->get("/v1/review?n=many").status == 400);
  CHECK(world.running->get("/v1/review?model=nobody").status == 404);
}

TEST_CASE("recall goes by time and stream alone, and tells what happened next", "[service]") {
  World world;
  const auto pink = world.live("pink", 1, "porch");
  world.running->advance(std::chrono::seconds(5));
  const auto gold = world.live("gold", 1, "porch");
  world.running->advance(std::chrono::hours(1));
  const auto other = world.live("gold", 2, "hall");
  world.running->wait(world.running->service().teach("colours", gold, "gold"));
  const auto recalled = [&](const std::string& body) {
    return world.ask(world.running->post("/v1/recall", "{" + body + "}"));
  };
  const json::value porch = recalled(R"("filter": {"stream": "porch"})");
  REQUIRE(porch.at("episodes").as_array().size() == 2);
  CHECK(porch.at("episodes").at(0).at("id") == gold);
  const std::string like = R"("episode": )" + std::to_string(pink);
  const json::value near = recalled(R"("filter": {"stream": "porch"}, "k": 1, )" + like);
  CHECK(near.at("episodes").at(0).at("id") == pink);
  const auto of_stream = [&](const std::string& stream) {
    std::vector<std::uint64_t> ids;
    const json::value found = recalled(R"("filter": {"stream": ")" + stream + R"("}, )" + like);
    for (const json::value& episode : found.at("episodes").as_array())
      ids.push_back(episode.at("id").to_number<std::uint64_t>());
    return ids;
  };
  CHECK(of_stream("porch") == std::vector{pink, gold});
  CHECK(of_stream("hall") == std::vector{other});
  CHECK(of_stream("attic").empty());
  CHECK(recalled(R"("filter": {"version": 3}, )" + like).at("episodes").as_array().empty());
  const json::value next = recalled(R"("filter": {"stream": "porch"}, "next": true, )" + like).at("next");
  CHECK(number(next.at("followed")) == 1);
  CHECK(text(next.at("labels").at(0).at("label")) == "gold");
  CHECK(number(recalled(R"("filter": {"stream": "porch"}, "next": true, "gap": "2s", )" + like)
                   .at("next")
                   .at("followed")) == 0);
  CHECK(world.running->post("/v1/recall", "{}").status == 400);
  world.start();
  CHECK(of_stream("porch") == std::vector{pink, gold});
  CHECK(of_stream("hall") == std::vector{other});
}

TEST_CASE("status tells what memory costs", "[service]") {
  World world;
  world.teach("grey", 3);
  const json::value memory = world.ask(world.running->get("/v1/status")).at("memory");
  CHECK(number(memory.at("clip_bytes")) == 3 * 8 * 4);
  CHECK(memory.at("bytes_written_today").to_number<std::uint64_t>() > 4096);
  CHECK(memory.at("write_budget_bytes").to_number<std::uint64_t>() == 100 << 20);
  CHECK(number(memory.at("withheld")) == 0);
}

}  // namespace
}  // namespace dormouse::daemon
