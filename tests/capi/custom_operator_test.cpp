#include "tests/capi/handles.h"

using namespace dormouse::capi;
using Catch::Contains;

namespace {

using namespace dormouse::engine::onnx_builder;

/// y = factor · x + what `context` points at.
dormouse_status infer_scale(void*, dormouse_node* node) {
  const dormouse_tensor* const x = dormouse_node_input(node, 0);
  if (x->type != DORMOUSE_F32) return dormouse_node_fail(node, DORMOUSE_INVALID, "x is not f32");
  return dormouse_node_set_output(node, 0, x->type, x->rank, x->shape);
}

dormouse_status compute_scale(void* context, dormouse_node* node) {
  const dormouse_tensor* const x = dormouse_node_input(node, 0);
  const dormouse_tensor* const y = dormouse_node_output(node, 0);
  const float factor = dormouse_node_float(node, "factor", 1);
  for (size_t i = 0; i < x->bytes / sizeof(float); ++i)
    static_cast<float*>(y->data)[i] =
        factor * static_cast<const float*>(x->data)[i] + *static_cast<float*>(context);
  return DORMOUSE_OK;
}

/// The elements that are above 0: how many depends on them.
dormouse_status infer_positive(void*, dormouse_node* node) {
  const dormouse_tensor* const x = dormouse_node_input(node, 0);
  if (!x->data) return dormouse_node_set_output(node, 0, x->type, DORMOUSE_UNKNOWN_RANK, nullptr);
  int64_t count = 0;
  for (size_t i = 0; i < x->bytes / sizeof(float); ++i) count += static_cast<const float*>(x->data)[i] > 0;
  return dormouse_node_set_output(node, 0, x->type, 1, &count);
}

dormouse_status compute_positive(void*, dormouse_node* node) {
  const dormouse_tensor* const x = dormouse_node_input(node, 0);
  auto* to = static_cast<float*>(dormouse_node_output(node, 0)->data);
  for (size_t i = 0; i < x->bytes / sizeof(float); ++i)
    if (const float value = static_cast<const float*>(x->data)[i]; value > 0) *to++ = value;
  return DORMOUSE_OK;
}

dormouse_operator scale(float* offset) {
  return {"example", "Scale", 1, 1, 1, infer_scale, compute_scale, offset};
}

std::string one_node(std::string_view op, std::string_view more = "") {
  return model(
      input("x", {-1, 3}) + output("y") + node(op, {"x"}, {"y"}, bytes(7, "example") + std::string(more)), 17,
      bytes(8, bytes(1, "example") + number(2, 1)));
}

Options with(const dormouse_operator& op) {
  Options chosen = options();
  REQUIRE(dormouse_options_add_operator(chosen.get(), &op, nullptr) == DORMOUSE_OK);
  return chosen;
}

std::string load_refusal(dormouse_status status, const std::string& bytes, const dormouse_operator& op) {
  const Options chosen = with(op);
  dormouse_model* model = nullptr;
  return refusal(status, [&](dormouse_error* error) {
    return dormouse_load_memory(bytes.data(), bytes.size(), chosen.get(), &model, error);
  });
}

}  // namespace

TEST_CASE("a model runs the operator that it names, with its attributes", "[capi]") {
  const std::string bytes =
      one_node("Scale", attribute("factor", 1, real(2, 3.0f)) + attribute("unused", std::int64_t{4}));
  float offset = 0.5f;
  Options chosen = with(scale(&offset));
  const Model model = load(bytes, chosen.get());
  chosen.reset();  // a model keeps what it needs
  Rows<2> x;
  x.values[5] = 2;
  const dormouse_tensor given = x.tensor();
  dormouse_result* result = nullptr;
  REQUIRE(dormouse_run(model.get(), &given, 1, &result, nullptr) == DORMOUSE_OK);
  CHECK(floats_of(*result, 0)[5] == 6.5f);
  CHECK(floats_of(*result, 0)[0] == 0.5f);
  dormouse_result_free(result);
}

TEST_CASE("the shape of an operator's output may depend on what it is given", "[capi]") {
  const dormouse_operator positive{"example", "Positive", 1, 1, 1, infer_positive, compute_positive, nullptr};
  const std::string bytes = one_node("Positive");
  const Model model = load(bytes, with(positive).get());
  CHECK(dormouse_output(model.get(), 0)->rank == DORMOUSE_UNKNOWN_RANK);
  Rows<1> x;
  x.values = {1, -1, 2};
  const dormouse_tensor given = x.tensor();
  dormouse_result* result = nullptr;
  REQUIRE(dormouse_run(model.get(), &given, 1, &result, nullptr) == DORMOUSE_OK);
  REQUIRE(dormouse_result_output(result, 0)->shape[0] == 2);
  CHECK(floats_of(*result, 0)[1] == 2);
  dormouse_result_free(result);
}

TEST_CASE("what callbacks refuse reaches the caller", "[capi]") {
  float offset = 0;
  dormouse_operator op = scale(&offset);
  SECTION("while loading") {
    op.infer = [](void*, dormouse_node* node) {
      return dormouse_node_fail(node, DORMOUSE_UNSUPPORTED, "not on this board");
    };
    CHECK_THAT(load_refusal(DORMOUSE_UNSUPPORTED, one_node("Scale"), op),
               Contains("Scale") && Contains("not on this board"));
  }
  SECTION("an output that does not exist") {
    op.infer = [](void*, dormouse_node* node) {
      return dormouse_node_set_output(node, 1, DORMOUSE_F32, 0, nullptr);
    };
    CHECK_THAT(load_refusal(DORMOUSE_INVALID, one_node("Scale"), op), Contains("output 1: there is none"));
  }
  SECTION("an output that is forgotten") {
    op.infer = [](void*, dormouse_node*) { return DORMOUSE_OK; };
    CHECK_THAT(load_refusal(DORMOUSE_INVALID, one_node("Scale"), op), Contains("infer did not set output 0"));
  }
  SECTION("a shape that stays open") {
    op.infer = [](void*, dormouse_node* node) {
      return dormouse_node_set_output(node, 0, DORMOUSE_F32, DORMOUSE_UNKNOWN_RANK, nullptr);
    };
    const std::string bytes = one_node("Scale");
    const Model model = load(bytes, with(op).get());
    Rows<1> x;
    const dormouse_tensor given = x.tensor();
    dormouse_result* result = nullptr;
    CHECK_THAT(
        refusal(DORMOUSE_INVALID,
                [&](dormouse_error* error) { return dormouse_run(model.get(), &given, 1, &result, error); }),
        Contains("infer did not say the shape of output 0"));
  }
  SECTION("while running") {
    op.compute = [](void*, dormouse_node* node) {
      CHECK(dormouse_node_set_output(node, 0, DORMOUSE_F32, 0, nullptr) == DORMOUSE_CONFLICT);
      return dormouse_node_fail(node, DORMOUSE_UNAVAILABLE, "the sensor is unplugged");
    };
    const std::string bytes = one_node("Scale");
    const Model model = load(bytes, with(op).get());
    Rows<1> x;
    const dormouse_tensor given = x.tensor();
    dormouse_result* result = nullptr;
    CHECK(refusal(DORMOUSE_UNAVAILABLE, [&](dormouse_error* error) {
            return dormouse_run(model.get(), &given, 1, &result, error);
          }) == "example.Scale: the sensor is unplugged");
  }
}

TEST_CASE("an operator that cannot be one is refused", "[capi]") {
  float offset = 0;
  const auto message = [&](dormouse_status status, auto change) {
    const Options chosen = with(scale(&offset));
    dormouse_operator op = scale(&offset);
    op.name = "Other";
    change(op);
    return refusal(status, [&](dormouse_error* error) {
      return dormouse_options_add_operator(chosen.get(), &op, error);
    });
  };
  CHECK(message(DORMOUSE_INVALID, [](auto& op) { op.name = nullptr; }) == "the operator's name is NULL");
  CHECK(message(DORMOUSE_INVALID, [](auto& op) { op.name = ""; }) == "the operator's name is empty");
  CHECK_THAT(message(DORMOUSE_INVALID, [](auto& op) { op.domain = "ai.onnx"; }), Contains("ONNX's own"));
  CHECK_THAT(message(DORMOUSE_INVALID, [](auto& op) { op.infer = nullptr; }),
             Contains("needs infer and compute"));
  CHECK_THAT(message(DORMOUSE_INVALID, [](auto& op) { op.min_inputs = 2; }), Contains("above max_inputs"));
  CHECK_THAT(message(DORMOUSE_INVALID, [](auto& op) { op.max_outputs = 0; }), Contains("no outputs"));
  CHECK(message(DORMOUSE_CONFLICT, [](auto& op) { op.name = "Scale"; }) ==
        "operator example.Scale: there is one already");
  CHECK_THAT(load_refusal(DORMOUSE_UNSUPPORTED, one_node("Shift"), scale(&offset)),
             Contains("operator Shift of example"));
}
