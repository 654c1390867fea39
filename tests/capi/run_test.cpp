#include <algorithm>
#include <thread>
#include <vector>

#include "tests/capi/handles.h"

using namespace dormouse::capi;

namespace {

Result run(const dormouse_model& model, const dormouse_tensor& input) {
  dormouse_error error;
  dormouse_result* result = nullptr;
  const dormouse_status status = dormouse_run(&model, &input, 1, &result, &error);
  INFO(error.message);
  REQUIRE(status == DORMOUSE_OK);
  return Result(result);
}

/// Room for y and z of one row.
struct Room {
  std::array<float, 2> y{};
  std::array<float, 3> z{};
  std::array<int64_t, 2> y_shape{1, 2}, z_shape{1, 3};
  std::array<dormouse_tensor, 2> tensors() {
    return {{{DORMOUSE_F32, 2, y_shape.data(), y.data(), sizeof y},
             {DORMOUSE_F32, 2, z_shape.data(), z.data(), sizeof z}}};
  }
};

}  // namespace

TEST_CASE("outputs are lent until the result is freed", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<2> x;
  std::ranges::copy(std::array{1.0f, -1.0f, 2.0f, 0.0f, 0.0f, 1.0f}, x.values.begin());
  const Result result = run(*model, x.tensor());
  REQUIRE(dormouse_result_count(result.get()) == 2);
  const dormouse_tensor* const y = dormouse_result_output(result.get(), 0);
  CHECK(y->type == DORMOUSE_F32);
  REQUIRE(y->rank == 2);
  CHECK(y->shape[0] == 2);
  CHECK(y->bytes == 4 * sizeof(float));
  CHECK(std::vector(floats_of(*result, 0), floats_of(*result, 0) + 4) ==
        std::vector{9.0f, 11.0f, 6.0f, 7.0f});
  CHECK(floats_of(*result, 1)[1] == 0);
  CHECK(dormouse_result_output(result.get(), 2) == nullptr);
}

TEST_CASE("outputs are written into the caller's buffers", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<1> x;
  x.values[2] = 1;
  Room room;
  const dormouse_tensor input = x.tensor();
  const auto tensors = room.tensors();
  REQUIRE(dormouse_run_into(model.get(), &input, 1, tensors.data(), 2, nullptr) == DORMOUSE_OK);
  CHECK(room.y == std::array{6.0f, 7.0f});
  CHECK(room.z == std::array{0.0f, 0.0f, 1.0f});
}

TEST_CASE("an aligned input with slack is read in place, any other copied", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<1> x;
  x.values[0] = 1;
  CHECK(floats_of(*run(*model, x.tensor()), 0)[0] == 2);
  CHECK(dormouse_copied_inputs(model.get()) == 0);
  dormouse_tensor odd = x.tensor();
  std::vector<char> bytes_behind(64);
  odd.data = bytes_behind.data() + 1;
  odd.bytes = 3 * sizeof(float);
  CHECK(floats_of(*run(*model, odd), 0)[0] == 1);
  CHECK(dormouse_copied_inputs(model.get()) == 1);
}

TEST_CASE("an input that does not fit is refused by name", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<1> x;
  dormouse_result* result = nullptr;
  const auto given = [&](dormouse_tensor tensor) {
    return refusal(DORMOUSE_INVALID, [&](dormouse_error* error) {
      return dormouse_run(model.get(), &tensor, 1, &result, error);
    });
  };
  dormouse_tensor tensor = x.tensor();
  tensor.bytes = 8;
  CHECK(given(tensor) == "input 'x': f32 [1, 3] takes 3 times 4 bytes; its buffer has 8");
  tensor = x.tensor();
  tensor.data = nullptr;
  CHECK(given(tensor) == "input 'x': its data is NULL");
  tensor = x.tensor();
  tensor.type = static_cast<dormouse_type>(14);
  CHECK(given(tensor) == "input 'x': 14 is no dormouse_type");
  tensor.type = DORMOUSE_I32;
  CHECK(given(tensor) == "input 'x': expected f32 [?, 3], given i32 [1, 3]");
  tensor = x.tensor();
  tensor.rank = -1;
  CHECK(given(tensor) == "input 'x': a rank of -1");
  tensor = x.tensor();
  tensor.shape = nullptr;
  CHECK(given(tensor) == "input 'x': its shape is NULL");
  x.shape[0] = -1;
  CHECK(given(x.tensor()) == "input 'x': an extent of -1");
  CHECK(result == nullptr);
}

TEST_CASE("a shape of more elements than there are numbers is refused", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<1> x;
  x.shape = {INT64_MAX, 3};
  const dormouse_tensor tensor = x.tensor();
  dormouse_result* result = nullptr;
  refusal(DORMOUSE_TOO_LARGE,
          [&](dormouse_error* error) { return dormouse_run(model.get(), &tensor, 1, &result, error); });
}

TEST_CASE("arguments that are not there are refused", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<1> x;
  const dormouse_tensor tensor = x.tensor();
  dormouse_result* result = nullptr;
  const auto run_with = [&](const dormouse_model* m, const dormouse_tensor* t, size_t count,
                            dormouse_result** r) {
    return refusal(DORMOUSE_INVALID,
                   [=](dormouse_error* error) { return dormouse_run(m, t, count, r, error); });
  };
  CHECK(run_with(nullptr, &tensor, 1, &result) == "model is NULL");
  CHECK(run_with(model.get(), nullptr, 1, &result) == "its inputs are NULL");
  CHECK(run_with(model.get(), &tensor, 2, &result) == "the model has 1 inputs; given 2");
  CHECK(run_with(model.get(), &tensor, 1, nullptr) == "where to put the result is NULL");
}

TEST_CASE("room that the outputs do not fit in is refused by name", "[capi]") {
  const std::string bytes = small_model();
  const Model model = load(bytes);
  Rows<1> x;
  const dormouse_tensor input = x.tensor();
  Room room;
  const auto with = [&](std::array<dormouse_tensor, 2> tensors, size_t count) {
    return refusal(DORMOUSE_INVALID, [&](dormouse_error* error) {
      return dormouse_run_into(model.get(), &input, 1, tensors.data(), count, error);
    });
  };
  CHECK(with(room.tensors(), 1) == "the model has 2 outputs; given 1");
  auto tensors = room.tensors();
  tensors[1].bytes = 4;
  CHECK(with(tensors, 2) == "output 'z': f32 [1, 3] takes 3 times 4 bytes; its buffer has 4");
  room.y_shape = {2, 1};
  CHECK(with(room.tensors(), 2) == "output 'y': is f32 [1, 2], given room for f32 [2, 1]");
}

TEST_CASE("many threads run one model", "[capi]") {
  const std::string bytes = small_model();
  const Options chosen = options();
  REQUIRE(dormouse_options_set_threads(chosen.get(), 2, nullptr) == DORMOUSE_OK);
  const Model model = load(bytes, chosen.get());
  std::array<int, 4> right{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < right.size(); ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        Rows<2> x;
        x.values[0] = static_cast<float>(t * 100 + static_cast<std::size_t>(round));
        const dormouse_tensor input = x.tensor();
        dormouse_result* result = nullptr;
        if (dormouse_run(model.get(), &input, 1, &result, nullptr) != DORMOUSE_OK) continue;
        right[t] += floats_of(*result, 0)[1] == 2 * x.values[0] + 1;
        dormouse_result_free(result);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::array{50, 50, 50, 50});
}
