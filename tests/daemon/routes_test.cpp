#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <cstring>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using Catch::Contains;

/// A service with two models, "colours" and the planner "sage".
struct Town {
  explicit Town(float accept = 0, bool planner = false) {
    model.write(folder.file(""), "colours");
    model.write(folder.file(""), "sage", 24);
    Options options = small_options(folder);
    ModelOptions sage = options.models[0];
    sage.name = "sage";
    sage.path = folder.file("sage.onnx");
    sage.seed = folder.file("sage.seed.safetensors");
    options.models.push_back(sage);
    if (planner) options.models[0].planner = "sage";
    options.hrm.router.accept = accept;
    running.emplace(options, folder);
  }
  std::string input(const engine::Tensor& tensor) const {
    json::array data, shape;
    for (const float x : tensor.values<float>()) data.push_back(x);
    for (const std::int64_t extent : tensor.shape()) shape.push_back(extent);
    return json::serialize(
        json::array{{{"name", "x"}, {"datatype", "FP32"}, {"shape", shape}, {"data", data}}});
  }
  std::string example(const std::string& colour, std::uint64_t index) const {
    return input(model.example(colour, index));
  }
  /// The text at `/a/b/0` of what is answered; every answer has to be 200.
  json::value post(const std::string& target, const std::string& body) {
    const Reply reply = running->post(target, body);
    INFO(target << " " << reply.body);
    REQUIRE(reply.status == 200);
    return parsed(reply);
  }
  json::value get(const std::string& target) {
    const Reply reply = running->get(target);
    INFO(target << " " << reply.body);
    REQUIRE(reply.status == 200);
    return parsed(reply);
  }
  json::value infer(const std::string& colour, std::uint64_t index) {
    return post("/v2/models/colours/infer", R"({"inputs": )" + example(colour, index) + "}");
  }
  std::uint64_t teach(const std::string& colour, std::uint64_t index) {
    return post("/v1/models/colours/feedback",
                R"({"label": ")" + colour + R"(", "inputs": )" + example(colour, index) + "}")
        .at("episode")
        .to_number<std::uint64_t>();
  }

  TemporaryFolder folder;
  SmallModel model{41};
  std::optional<RunningService> running;
};

std::string text(const json::value& value) { return std::string(value.as_string()); }

TEST_CASE("metadata says what a model takes and gives", "[routes]") {
  Town town;
  const json::value metadata = town.get("/v2/models/colours");
  CHECK(json::serialize(metadata.at("inputs")) == R"([{"name":"x","datatype":"FP32","shape":[-1,8]}])");
  CHECK(metadata.at("outputs").as_array().size() == 2);
  CHECK(text(metadata.at("outputs").at(1).at("name")) == "probabilities");
  CHECK(text(metadata.at("parameters").at("labels")) == R"(["red","green","blue"])");
  CHECK(town.get("/v2/models/colours/ready").at("ready").as_bool());
  CHECK(town.running->get("/v2/models/nobody").status == 404);
}

TEST_CASE("JSON and binary tensors get the same answer", "[routes]") {
  Town town;
  const engine::Tensor input = town.model.example("green", 3);
  const json::value answer = town.infer("green", 3);
  CHECK(text(answer.at("parameters").at("dormouse_label")) == "green");
  CHECK(text(answer.at("parameters").at("dormouse_route")) == "low");
  REQUIRE(text(answer.at("outputs").at(1).at("name")) == "probabilities");
  std::vector<float> spoken;
  for (const json::value& x : answer.at("outputs").at(1).at("data").as_array())
    spoken.push_back(x.to_number<float>());

  std::string body =
      R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 8], "parameters": {"binary_data_size": 32}}],)"
      R"("outputs": [{"name": "probabilities", "parameters": {"binary_data": true}}]})";
  const std::string length = std::to_string(body.size());
  body.append(reinterpret_cast<const char*>(input.data()), input.byte_size());
  HttpClient client(town.folder.file("user.sock"));
  const Reply reply = client.send({.method = "POST",
                                   .target = "/v2/models/colours/infer",
                                   .body = body,
                                   .content_type = "application/octet-stream",
                                   .headers = {{"Inference-Header-Content-Length", length}}});
  REQUIRE(reply.status == 200);
  const std::string* header = reply.header("Inference-Header-Content-Length");
  REQUIRE(header);
  const std::string tail = reply.body.substr(std::stoul(*header));
  REQUIRE(tail.size() == 3 * sizeof(float));
  std::vector<float> raw(3);
  std::memcpy(raw.data(), tail.data(), tail.size());
  CHECK(raw == spoken);
}

TEST_CASE("a batch is answered row by row", "[routes]") {
  Town town;
  const json::value answer =
      town.post("/v2/models/colours/infer", R"({"inputs": )" + town.input(town.model.probes(2)) + "}");
  CHECK(answer.at("outputs").at(1).at("shape") == json::value({12, 3}));
  CHECK_THAT(text(answer.at("parameters").at("dormouse_label")),
             Catch::StartsWith("red,red,green,green,blue,blue,"));
}

TEST_CASE("what was taught is recalled first, by input, by episode and by vector", "[routes]") {
  Town town;
  const std::uint64_t id = town.teach("grey", 1);
  const auto nearest = [&](const std::string& by) {
    const json::value found = town.post("/v1/recall", R"({"model": "colours", "k": 3, )" + by + "}");
    CHECK(found.at("episodes").as_array().size() == 3);
    CHECK_FALSE(found.at("concepts").as_array().empty());
    return found.at("episodes").at(0);
  };
  const json::value by_input = nearest(R"("inputs": )" + town.example("grey", 1));
  CHECK(by_input.at("id").to_number<std::uint64_t>() == id);
  CHECK(text(by_input.at("label")) == "grey");
  CHECK(nearest(R"("episode": )" + std::to_string(id)).at("id").to_number<std::uint64_t>() == id);
  nearest(R"("vector": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])");

  const json::value greys = town.post(
      "/v1/recall", R"({"k": 9, "filter": {"label": "grey"}, "episode": )" + std::to_string(id) + "}");
  CHECK(greys.at("episodes").as_array().size() == 1);
  const json::value none =
      town.post("/v1/recall", R"({"filter": {"label": "grey", "after": 18446744073709551615}, "episode": )" +
                                  std::to_string(id) + "}");
  CHECK(none.at("episodes").as_array().empty());
}

TEST_CASE("why names heads, paths, thresholds and neighbours of an answer", "[routes]") {
  Town town(0.9f);
  const std::string id = std::to_string(
      town.infer("red", 5).at("parameters").at("dormouse_episode_id").to_number<std::uint64_t>());
  const json::value why = town.get("/v1/why/" + id);
  CHECK(text(why.at("answer")) == "red");
  CHECK(text(why.at("heads").at("slow").at("label")) == "red");
  CHECK(text(why.at("heads").at("fast").at("label")) == "red");
  CHECK(why.at("neighbours").as_array().size() == 5);
  CHECK(why.at("thresholds").at("accept").to_number<float>() == Approx(0.9));
  CHECK(text(why.at("episode").at("prediction")) == "red");
  CHECK(town.running->get("/v1/why/999999").status == 404);
  CHECK(town.running->get("/v1/why/soon").status == 400);
}

TEST_CASE("sure answers go low, unsure ones ask memory, then the planner", "[routes]") {
  const auto routes = [](float accept, bool planner) {
    Town town(accept, planner);
    const json::value answer =
        town.post("/v2/models/colours/infer", R"({"inputs": )" + town.input(town.model.between()) + "}");
    return text(answer.at("parameters").at("dormouse_route"));
  };
  CHECK(routes(0.01f, true) == "low");
  CHECK(routes(1.0f, false) == "hybrid");
  CHECK(routes(1.0f, true) == "high");
}

TEST_CASE("a planner that cannot take its model's inputs is refused at start", "[routes]") {
  const TemporaryFolder folder;
  const SmallModel model(41);
  model.write(folder.file(""), "colours");
  Options options = small_options(folder);
  options.models.push_back(options.models[0]);
  options.models[1].name = "mute";
  options.models[1].path = DORMOUSE_TEST_DATA "/fuzz/onnx/none";
  CHECK_THROWS_AS(RunningService(options, folder), Failure);
}

TEST_CASE("versions, sleeps and rollback go by HTTP, with the admin's socket for what changes weights",
          "[routes]") {
  Town town;
  for (std::uint64_t i = 0; i < 20; ++i) town.teach("grey", i);
  CHECK(town.running->post("/v1/sleep", R"({"model": "colours"})").status == 403);
  const Reply begun = town.running->admin("/v1/sleep", R"({"model": "colours"})");
  REQUIRE(begun.status == 202);
  const std::string sleep = std::to_string(parsed(begun).at("sleep").to_number<int>());
  while (text(town.get("/v1/sleeps/" + sleep).at("state")) == "running") std::this_thread::yield();
  while (town.running->on_io([&] { return town.running->nights().asleep(); })) std::this_thread::yield();
  CHECK(text(town.get("/v1/sleeps/" + sleep).at("state")) == "accepted");
  json::value versions = town.get("/v1/models/colours/versions");
  REQUIRE(versions.as_array().size() == 2);
  CHECK(text(versions.at(1).at("state")) == "active");
  CHECK(versions.at(1).at("accuracy").as_object().contains("grey"));
  CHECK(town.running->post("/v1/models/colours/rollback", "").status == 403);
  CHECK(town.running->admin("/v1/models/colours/rollback", "").status == 200);
  versions = town.get("/v1/models/colours/versions");
  CHECK(text(versions.at(0).at("state")) == "active");
  CHECK(text(versions.at(1).at("state")) == "accepted");
  CHECK(town.running->admin("/v1/models/colours/rollback", "").status == 409);
  CHECK(town.running->admin("/v1/models/colours/rollback", R"({"version": 1})").status == 200);
}

TEST_CASE("clips of another type or shape are refused", "[routes]") {
  Town town;
  const std::string clip =
      R"("inputs": [{"name": "x", "datatype": "INT32", "shape": [4, 1], "data": [1, 2, 3, 4]}], "parameters": {"clip": true})";
  const std::string batch = R"("inputs": )" + town.input(town.model.probes(1)) + R"(, "label": "red")";
  const std::string nothing =
      R"("inputs": [{"name": "x", "datatype": "FP32", "shape": [0, 8], "data": []}], "label": "red")";
  const std::string several =
      R"("inputs": [{"name": "x", "datatype": "FP32", "shape": [4, 1], "data": [1, 2, 3, 4]},
      {"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [1]}], "parameters": {"clip": true}, "label": "red")";
  for (const std::string& body : {clip, clip + R"(, "label": "red")", batch, nothing, several})
    for (const char* target : {"/v1/models/colours/feedback", "/v1/recall", "/v2/models/colours/infer"}) {
      const bool fine =
          (body == batch || body == nothing) && std::string_view(target) != "/v1/models/colours/feedback";
      INFO(target << " {" << body << "}");
      const Reply reply = town.running->post(target, "{" + body + "}");
      INFO(reply.body);
      if (!fine) CHECK(reply.status == 400);
      CHECK(reply.status < 500);
      CHECK(town.running->get("/v2/health/live").status == 200);
    }
}

TEST_CASE("status and metrics answer", "[routes]") {
  Town town;
  town.infer("red", 1);
  const json::value status = town.get("/v1/status");
  CHECK(status.at("models").at("colours").at("inferences").to_number<int>() == 1);
  CHECK(text(status.at("sleep").at("state")) == "awake");
  CHECK_THAT(town.running->get("/metrics").body, Contains("model_version"));
}

/// A service with a model of scikit-learn's, which names its classes and learns nothing.
struct Forest {
  explicit Forest(const std::string& name, std::vector<std::string> labels = {}) {
    Options options = small_options(folder);
    ModelOptions& model = options.models[0];
    model.name = "activity";
    model.path = std::filesystem::path(DORMOUSE_TEST_DATA) / "sklearn" / (name + ".onnx");
    model.seed.clear();
    model.labels = std::move(labels);
    running.emplace(options, folder);
  }
  json::value infer(const std::string& more = "") {
    const Reply reply = running->post(
        "/v2/models/activity/infer",
        R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 4], "data": [1, 0, -2, 1, -1, 2, 0, -1]}])" +
            more + "}");
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    return parsed(reply);
  }

  TemporaryFolder folder;
  std::optional<RunningService> running;
};

TEST_CASE("a forest of scikit-learn is served under its own labels", "[routes]") {
  Forest forest("random_forest");
  const json::value metadata = parsed(forest.running->get("/v2/models/activity"));
  CHECK(text(metadata.at("parameters").at("labels")) == R"(["walking","upstairs","sitting","lying"])");
  const json::value answer = forest.infer();
  const json::array& positions = answer.at("outputs").at(0).at("data").as_array();
  const std::vector<std::string> names{"walking", "upstairs", "sitting", "lying"};
  REQUIRE(positions.size() == 2);
  CHECK(text(answer.at("parameters").at("dormouse_label")) ==
        names.at(positions[0].to_number<std::size_t>()) + "," +
            names.at(positions[1].to_number<std::size_t>()));
  const json::value classified =
      forest.infer(R"(, "outputs": [{"name": "zipped", "parameters": {"classification": 1}}])");
  CHECK_THAT(text(classified.at("outputs").at(0).at("data").at(0)),
             Catch::EndsWith(names.at(positions[0].to_number<std::size_t>())));
  const Reply taught =
      forest.running->post("/v1/models/activity/feedback", R"({"episode": 1, "label": "sitting"})");
  CHECK(taught.status == 409);
  CHECK_THAT(taught.body, Contains("answers with the class itself"));
}

TEST_CASE("labels of the configuration rename the classes of a forest, all or none", "[routes]") {
  Forest forest("random_forest", {"a", "b", "c", "d"});
  CHECK_THAT(text(forest.infer().at("parameters").at("dormouse_label")), Catch::Matches("[a-d],[a-d]"));
  CHECK_THROWS_WITH(Forest("random_forest", {"a", "b"}), Contains("labels name 2 classes, the file 4"));
}

}  // namespace
}  // namespace dormouse::daemon
