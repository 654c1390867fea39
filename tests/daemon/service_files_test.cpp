// What becomes of versions and memory when another file takes a model's place.

#include <catch2/catch.hpp>

#include "daemon/service/model_parts.h"
#include "daemon/service/night_guard.h"
#include "engine/formats/onnx.h"
#include "engine/value.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 11, kOther = 12;
constexpr std::size_t kTaught = 40;

struct Replaced : Device {
  Replaced() : Device(kSeed) {
    start();
    shipped = served().index->size();
  }
  /// A model of the same shape that was trained on the same world.
  void replace(std::uint64_t seed) {
    running.reset();
    SmallModel(seed).write(folder.file(""), "colours");
    start();
  }
  const Served& served() { return running->service().model("colours").served; }
  std::size_t shipped = 0;  ///< latents of the seed
  template <class Work>
  auto of_store(Work work) {
    return running->on_storage([&] { return work(running->service().store()); });
  }
};

}  // namespace

TEST_CASE("another file answers without the versions that were learnt on the one before", "[files]") {
  INFO("seeds " << kSeed << ", " << kOther);
  Device fresh(kOther);
  fresh.start();
  Replaced device;
  device.teach("grey", kTaught);
  REQUIRE(device.sleep().state == memory::SleepState::accepted);
  REQUIRE(device.served().model->version == 1);
  const auto learnt = device.probes(3);

  device.replace(kOther);
  CHECK(device.served().model->version == 0);
  CHECK(device.served().embedding_version == -1);
  CHECK(device.of_store([](const memory::Store& store) { return store.active_version("colours"); }) == 0);
  // Inputs that were kept are seen with it; labels are what people said.
  CHECK(device.of_store([](const memory::Store& store) { return store.without_latent("colours", -1); }) == 0);
  CHECK(device.served().model->labels.back() == "grey");
  CHECK(device.served().index->size() == device.shipped + kTaught);
  const auto latents = [&](Device& one) {
    std::vector<float> all;
    for (const RowAnswer& row : one.running->ask(device.model.probes(3)).result.rows)
      all.insert(all.end(), row.latent.begin(), row.latent.end());
    return all;
  };
  CHECK(latents(device) == latents(fresh));
  CHECK_THROWS_WITH(device.running->wait(device.running->service().roll_back("colours", 1)),
                    Catch::Contains("another file"));
  const memory::SleepRecord night = device.sleep();  // it learns like any other
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  CHECK(device.served().model->version == 2);

  device.replace(kSeed);  // and back, to what it learnt last
  CHECK(device.served().model->version == 1);
  CHECK(device.served().embedding_version == 0);
  CHECK_THROWS_WITH(device.running->wait(device.running->service().roll_back("colours", 2)),
                    Catch::Contains("another file"));
  CHECK(device.probes(3) == learnt);
}

TEST_CASE("what was answered with another file and cannot be seen anew compares with nothing", "[files]") {
  Replaced device;
  device.options.memory.working.inputs = {0};
  device.start();
  device.teach("grey", kTaught);
  device.replace(kOther);
  CHECK(device.of_store([](const memory::Store& store) { return store.without_latent("colours", -1); }) ==
        kTaught);
  CHECK(device.served().index->size() == device.shipped);
  device.replace(kSeed);
  CHECK(device.served().index->size() == device.shipped + kTaught);
  device.start();
  CHECK(device.served().embedding_version == 0);
}

TEST_CASE("the file that comes back goes on with the version that it was left with", "[files]") {
  Replaced device;
  device.teach("grey", kTaught);
  REQUIRE(device.sleep().state == memory::SleepState::accepted);
  const auto learnt = device.probes(3);
  device.replace(kOther);
  device.replace(kSeed);
  CHECK(device.served().model->version == 1);
  CHECK(device.probes(3) == learnt);
  device.running->wait(device.running->service().roll_back("colours", 0));
  device.replace(kOther);
  device.teach("pink", kTaught);
  REQUIRE(device.sleep().state == memory::SleepState::accepted);
  device.replace(kSeed);
  CHECK(device.served().model->version == 0);  // undone by hand, and not taken up again
}

TEST_CASE("a cut that is named and is the one there is anyway makes no other file", "[files]") {
  Replaced device;
  device.teach("grey", kTaught);
  REQUIRE(device.sleep().state == memory::SleepState::accepted);
  device.options.models[0].cut = "features";
  device.start();
  CHECK(device.served().model->version == 1);
}

TEST_CASE("without a seed another file is not judged by the core set of the one before", "[files]") {
  Replaced device;
  device.options.models[0].seed.clear();
  device.start();
  for (const std::string& colour : SmallModel::known()) device.teach(colour, 40);
  device.sleep();
  const auto core = [&](const memory::Store& store) { return store.get("core/colours").value_or(""); };
  const std::string before = device.of_store(core);
  device.replace(kOther);
  device.sleep();
  const std::string after = device.of_store(core);
  REQUIRE_FALSE(before.empty());
  CHECK(before.find("of file") == before.npos);
  CHECK(after.find("of file 1") != after.npos);
}

TEST_CASE("labels of what another file answered say nothing of this one's versions", "[files]") {
  Replaced device;
  for (std::uint64_t i = 0; i < 60; ++i) device.running->teach(device.model.example("red", i), "red");
  device.replace(kOther);
  const auto parts = load_model(device.options.models[0], device.table);
  device.running->on_storage([&] {
    memory::Store& store = device.running->service().store();
    NightGuard guard(parts, nullptr, store, file_in_service(store, *parts));
    for (const memory::Episode& episode : store.labelled("colours"))
      guard.labelled(episode, "green", std::nullopt);  // wrong on all of them, as version 0
    memory::Episode now;
    now.version = 1;
    now.prediction = "red";
    for (int i = 0; i < 30; ++i) guard.labelled(now, "green", std::nullopt);
    learning::Version version;
    version.number = 1;
    CHECK_FALSE(guard.worse_in_life(version));
  });
}

TEST_CASE("inputs that the other file would have normalised otherwise are not seen with it", "[files]") {
  Replaced device;
  device.teach("grey", kTaught);
  device.running.reset();
  SmallModel(kOther).write(device.folder.file(""), "colours");
  const std::string file = device.folder.file("colours.seed.safetensors");
  learning::Seed seed = learning::read_seed(file);
  seed.normaliser = {{1.0f, 2.0f}, {3.0f, 4.0f}};
  learning::write_seed(file, seed);
  device.start();
  CHECK(device.of_store([](const memory::Store& store) { return store.without_latent("colours", -1); }) ==
        kTaught);
  device.replace(kSeed);
  CHECK(device.served().index->size() == device.shipped + kTaught);
}

TEST_CASE("inputs of another shape do not keep a model from starting", "[files]") {
  using namespace engine;
  Replaced device;
  device.teach("grey", kTaught);
  device.running.reset();
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 12})};
  const Value into{&graph, graph.add_constant("into", Tensor(DType::f32, {12, 16}))};
  const Value head{&graph, graph.add_constant("head", Tensor(DType::f32, {16, 3}))};
  graph.mark_output(matmul(matmul(x, into), head).id);
  graph.metadata = {{kLabelsKey, R"(["red", "green", "blue"])"}};
  write_onnx(graph, device.folder.file("colours.onnx"));
  device.options.models[0].seed.clear();
  device.start();
  CHECK(device.served().embedding_version == -1);
  CHECK(device.of_store([](const memory::Store& store) { return store.without_latent("colours", -1); }) ==
        kTaught);
}

}  // namespace dormouse::daemon
