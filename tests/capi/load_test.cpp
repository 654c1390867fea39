#include <cstring>
#include <fstream>

#include "tests/capi/handles.h"
#include "tests/temporary_folder.h"

using namespace dormouse::capi;
using Catch::Contains;

TEST_CASE("a model says what it takes and gives", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  REQUIRE(dormouse_input_count(model.get()) == 1);
  REQUIRE(dormouse_output_count(model.get()) == 2);
  const dormouse_value* const x = dormouse_input(model.get(), 0);
  CHECK(std::string(x->name) == "x");
  CHECK(x->type == DORMOUSE_F32);
  REQUIRE(x->rank == 2);
  CHECK(x->shape[0] == DORMOUSE_DYNAMIC);
  CHECK(x->shape[1] == 3);
  CHECK(std::string(dormouse_output(model.get(), 1)->name) == "z");
  CHECK(dormouse_input(model.get(), 1) == nullptr);
  CHECK(dormouse_output(model.get(), 2) == nullptr);
}

TEST_CASE("models load from files", "[capi]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("small.onnx");
  std::ofstream(path, std::ios::binary) << small_model();
  dormouse_model* model = nullptr;
  REQUIRE(dormouse_load(path.c_str(), nullptr, &model, nullptr) == DORMOUSE_OK);
  CHECK(dormouse_input_count(model) == 1);
  dormouse_model_free(model);
}

TEST_CASE("what cannot be loaded is refused, and says why", "[capi]") {
  const TemporaryFolder folder;
  dormouse_model* model = nullptr;
  const auto file = [&](const char* path) {
    return [path, &model](dormouse_error* error) { return dormouse_load(path, nullptr, &model, error); };
  };
  const auto memory = [&](std::string bytes) {
    return [bytes, &model](dormouse_error* error) {
      return dormouse_load_memory(bytes.data(), bytes.size(), nullptr, &model, error);
    };
  };
  using namespace dormouse::engine::onnx_builder;
  const std::string text = folder.file("notes.txt");
  std::ofstream(text) << "no model\xff";
  CHECK_THAT(refusal(DORMOUSE_NOT_FOUND, file("/nowhere/model.onnx")), Contains("/nowhere/model.onnx"));
  CHECK(refusal(DORMOUSE_INVALID, file(nullptr)) == "the path is NULL");
  CHECK_THAT(refusal(DORMOUSE_UNSUPPORTED, file(text.c_str())), Contains("holds no model graph"));
  CHECK_THAT(refusal(DORMOUSE_CORRUPT, memory(small_model().substr(0, 80))), Contains("model in memory"));
  CHECK_THAT(
      refusal(DORMOUSE_UNSUPPORTED, memory(dormouse::engine::onnx_builder::model(
                                        input("x", {1}) + output("y") + node("Frobnicate", {"x"}, {"y"})))),
      Contains("operator Frobnicate of ai.onnx"));
  CHECK(refusal(DORMOUSE_INVALID, [&](dormouse_error* error) {
          return dormouse_load_memory(nullptr, 8, nullptr, &model, error);
        }) == "the model's bytes is NULL");
  CHECK(refusal(DORMOUSE_INVALID, [&](dormouse_error* error) {
          return dormouse_load(text.c_str(), nullptr, nullptr, error);
        }) == "where to put the model is NULL");
  CHECK(model == nullptr);
}

TEST_CASE("a message that is too long is cut between characters", "[capi]") {
  std::string path = "/";
  while (path.size() < 2000) path += "ö";
  dormouse_model* model = nullptr;
  dormouse_error error;
  CHECK(dormouse_load(path.c_str(), nullptr, &model, &error) == DORMOUSE_IO);
  CHECK(std::strlen(error.message) == sizeof error.message - 1);
  CHECK(path.starts_with(error.message));
}

TEST_CASE("options are checked", "[capi]") {
  const Options chosen = options();
  const auto threads = [&](int count) {
    return [&, count](dormouse_error* error) {
      return dormouse_options_set_threads(chosen.get(), count, error);
    };
  };
  const auto driver = [&](const char* name) {
    return
        [&, name](dormouse_error* error) { return dormouse_options_set_driver(chosen.get(), name, error); };
  };
  CHECK(refusal(DORMOUSE_INVALID, threads(0)) == "0 threads; from 1 to 1024");
  CHECK(refusal(DORMOUSE_OK, threads(2)).empty());
  CHECK_THAT(refusal(DORMOUSE_NOT_FOUND, driver("vulcan")),
             Contains("driver 'vulcan'") && Contains("reference"));
  CHECK(refusal(DORMOUSE_INVALID, driver(nullptr)) == "the driver's name is NULL");
  CHECK(refusal(DORMOUSE_OK, driver("reference")).empty());
  CHECK(refusal(DORMOUSE_INVALID, [](dormouse_error* error) {
          return dormouse_options_set_threads(nullptr, 1, error);
        }) == "options is NULL");
}

TEST_CASE("nothing is freed as well as something", "[capi]") {
  dormouse_options_free(nullptr);
  dormouse_model_free(nullptr);
  dormouse_result_free(nullptr);
  CHECK_THAT(dormouse_version(), Catch::Matches("[0-9]+\\.[0-9]+\\.[0-9]+"));
}
