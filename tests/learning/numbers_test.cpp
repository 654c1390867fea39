#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <numeric>

#include "engine/session.h"
#include "learning/families.h"
#include "learning/number_data.h"
#include "learning/train.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

const auto kQuiet = [](const TrainProgress&) {};

/// Two numbers of three features, far from zero and of unlike sizes.
Dataset functions() {
  Random random(3);
  Dataset data;
  data.target_names = {"force", "share"};
  for (int i = 0; i < 240; ++i) {
    const double a = random.uniform(), b = 100 * random.uniform(), c = random.normal();
    data.clips.push_back(Tensor::from<float>(Shape{1, 3}, std::vector<float>{float(a), float(b), float(c)}));
    data.targets.push_back(Tensor::from<float>(
        Shape{2}, std::vector<float>{float(5000 + 300 * a - 4 * b), float(0.01 * std::tanh(c) + 0.002 * a)}));
    data.names.push_back(std::to_string(i));
  }
  return data;
}

/// A wave of two channels, the second behind the first, around 20.
std::string waves(const TemporaryFolder& folder, int rows) {
  std::ofstream file(folder.file("waves.csv"));
  file << "time,a,b\n";
  for (int i = 0; i < rows; ++i)
    file << "t" << i << "," << 20 + 3 * std::sin(0.4 * i) << "," << 20 + 3 * std::cos(0.4 * i) << "\n";
  return folder.file("waves.csv");
}

ModelRequest request(TaskKind task, const std::string& input) {
  ModelRequest made;
  parse_input(input, made);
  made.task = task;
  made.size = ModelSize::small;
  return made;
}

ModelSpec spec_of(const TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder / "spec.yaml") << text;
  return read_model_spec(folder / "spec.yaml");
}

}  // namespace

TEST_CASE("a regression answers in the units of its targets", "[numbers]") {
  const TemporaryFolder folder;
  const Dataset data = functions();
  ModelRequest wanted = request(TaskKind::regression, "3");
  wanted.outputs = 2;
  write_new_model(family_called("mlp"), wanted, folder / "m.yaml", false);
  ModelSpec spec = read_model_spec(folder / "m.yaml");
  spec.train.test = 0.1;
  spec.train.epochs = 80;
  for (const LossKind loss : {LossKind::mse, LossKind::mae, LossKind::huber}) {
    spec.train.loss.kind = loss;
    const TrainedModel trained = train_model(spec, data, {}, kQuiet);
    INFO("loss " << static_cast<int>(loss));
    CHECK(trained.heldout_errors->r2() > 0.9);
    CHECK(trained.test_errors->r2(1) > 0.9);
    CHECK(trained.epochs.back().accuracy > 0.9);
    CHECK(trained.heldout_errors->examples() == 24);
    const auto told = number_model(trained.graph);
    REQUIRE(told);
    CHECK(told->targets == data.target_names);
    CHECK(told->mean[0] == Approx(4950).epsilon(0.01));
    const engine::Session session(trained.graph, {});
    const Tensor answer =
        session.run(std::array{Tensor::from<float>(Shape{1, 3}, std::vector<float>{0.5, 50, 0})})[0];
    CHECK(answer.values<float>()[0] == Approx(4950).epsilon(0.01));
    CHECK(std::abs(answer.values<float>()[1] - 0.001f) < 0.003f);
  }
}

TEST_CASE("a regression that exists is trained further on new numbers", "[numbers]") {
  const TemporaryFolder folder;
  Dataset data = functions();
  ModelRequest wanted = request(TaskKind::regression, "3");
  wanted.outputs = 2;
  write_new_model(family_called("mlp"), wanted, folder / "m.yaml", false);
  const ModelSpec spec = read_model_spec(folder / "m.yaml");
  const TrainedModel first = train_model(spec, data, {}, kQuiet);
  TrainOptions options = spec.train;
  options.rate = 1e-6;  // as good as not at all: the change of units alone must change nothing
  options.epochs = 1;
  for (Tensor& target : data.targets) target = Tensor::from<float>(Shape{2}, target.values<float>());
  const TrainedModel same = fine_tune(first.graph, data, *parse_trainable("all"), {}, options, {}, kQuiet);
  CHECK(same.heldout_errors->mae(0) == Approx(first.heldout_errors->mae(0)).epsilon(0.02));
  for (Tensor& target : data.targets)
    target = Tensor::from<float>(
        Shape{2}, std::vector<float>{9900 - target.values<float>()[0], 2 * target.values<float>()[1]});
  options = spec.train;
  options.epochs = 80;
  const TrainedModel other = fine_tune(first.graph, data, *parse_trainable("all"), {}, options, {}, kQuiet);
  CHECK(other.heldout_errors->r2() > 0.9);
}

TEST_CASE("a forecast foretells what comes next", "[numbers]") {
  const TemporaryFolder folder;
  const std::string file = waves(folder, 300);
  for (const char* const family : {"mlp", "lstm", "linoss"}) {
    INFO(family);
    ModelRequest wanted = request(TaskKind::forecast, "16x2");
    wanted.horizon = 4;
    wanted.columns = {"a", "b"};
    wanted.labels = {"b"};
    wanted.outputs = 1;
    write_new_model(family_called(family), wanted, folder / (std::string(family) + ".yaml"), false);
    ModelSpec spec = read_model_spec(folder / (std::string(family) + ".yaml"));
    spec.train.test = 0.1;
    spec.train.epochs = 15;
    const Dataset data = read_windows(file, {spec.columns, spec.targets, ""}, {spec.rows, spec.horizon, 1});
    const TrainedModel trained = train_model(spec, data, {}, kQuiet);
    CHECK(trained.test_errors->horizon() == 4);
    CHECK(trained.test_errors->r2() > 0.9);
    CHECK(trained.numbers->columns == std::vector<std::string>{"a", "b"});
  }
}

TEST_CASE("a long forecast goes on in time behind its window", "[numbers]") {
  const TemporaryFolder folder;
  const std::string file = waves(folder, 300);
  ModelRequest wanted = request(TaskKind::forecast, "24x2");
  wanted.horizon = 80;
  wanted.columns = {"a", "b"};
  for (const char* const family : {"linoss", "gru"}) {
    INFO(family);
    const std::filesystem::path path = folder / (std::string(family) + ".yaml");
    const engine::Graph made = write_new_model(family_called(family), wanted, path, false);
    CHECK(made.value(made.outputs()[0]).shape == Shape{engine::kDynamic, 160});
    ModelSpec spec = read_model_spec(path);
    CHECK(spec.outputs == 160);
    spec.train.heldout = 0.3;
    spec.train.epochs = family == std::string("linoss") ? 12 : 1;
    const Dataset data = read_windows(file, {spec.columns, spec.targets, ""}, {spec.rows, spec.horizon, 1});
    const TrainedModel trained = train_model(spec, data, {}, kQuiet);
    CHECK(trained.epochs.back().loss < 1.2);
    if (family == std::string("linoss")) CHECK(trained.heldout_errors->r2() > 0.5);
    // In units: around 20.
    const engine::Session session(trained.graph, {});
    Tensor input(engine::DType::f32, Shape{1, 2, 24});
    std::ranges::fill(input.mutable_values<float>(), 20.0f);
    CHECK(session.run(std::array{input})[0].values<float>()[0] == Approx(20).margin(5));
  }
}

TEST_CASE("a spec of numbers says what fits its task", "[numbers]") {
  const TemporaryFolder folder;
  const auto complaint = [&](const std::string& rest) {
    try {
      const ModelSpec spec =
          spec_of(folder,
                  "model: m\ninput: {rows: 8, channels: 2}\nlayers:\n  - normalise\n  - flatten\n  - linear: "
                  "{units: outputs}\n" +
                      rest);
      Random random(1);
      build_model(spec, static_cast<std::size_t>(spec.outputs), random);
    } catch (const Failure& failure) {
      return failure.error().context;
    }
    return std::string("accepted");
  };
  CHECK(complaint("task: regression\ntargets: [a, b]\n") == "accepted");
  CHECK(complaint("task: regression\noutputs: 3\ntrain: {loss: huber}\n") == "accepted");
  CHECK(complaint("task: forecast\nhorizon: 6\n") == "accepted");
  CHECK_THAT(complaint("targets: [a]\n"), Catch::Contains("are of task: regression or forecast"));
  CHECK_THAT(complaint("task: forecast\n"),
             Catch::Contains("horizon is missing") || Catch::Contains("is missing"));
  CHECK_THAT(complaint("task: regression\nhorizon: 3\noutputs: 2\n"),
             Catch::Contains("is of task: forecast"));
  CHECK_THAT(complaint("task: regression\nlabels: [a]\n"), Catch::Contains("are classes"));
  CHECK_THAT(complaint("task: regression\ntargets: [a, a]\n"), Catch::Contains("a name of its own"));
  CHECK_THAT(complaint("task: regression\noutputs: 2\ntrain: {loss: cross_entropy}\n"),
             Catch::Contains("mse, mae and huber"));
  CHECK_THAT(complaint("task: regression\noutputs: 2\ntrain: {class_weights: balanced}\n"),
             Catch::Contains("of classes"));
  CHECK_THAT(complaint("task: forecast\nhorizon: 6\ntrain: {shift: 2}\n"), Catch::Contains("noise alone"));
  CHECK_THAT(complaint("task: guess\n"), Catch::Contains("regression"));
  ModelSpec spec = spec_of(
      folder,
      "model: m\ntask: regression\noutputs: 3\ninput: {rows: 3}\nlayers: [linear: {units: outputs}]\n");
  CHECK_THROWS_WITH(train_model(spec, functions(), {}, kQuiet),
                    Catch::Contains("answers with 3 numbers, and the data has 2"));
  spec.outputs = 2;
  const TeacherModel teacher;
  CHECK_THROWS_WITH(train_model(spec, functions(), {}, kQuiet, {.teacher = &teacher}),
                    Catch::Contains("teacher"));
}
