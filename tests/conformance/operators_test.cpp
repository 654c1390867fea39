// Walks the table of operators: what each one's samples must satisfy.

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::engine::conformance {
namespace {

constexpr unsigned kSeed = 20240607;

// Runs `check` on every sample of every operator.
template <class Check>
void each_sample(Check check) {
  for (const Op* const op : all_ops()) {
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      INFO(op->domain << "." << op->name << ", sample " << i << ", seed " << kSeed);
      std::mt19937 random(kSeed + static_cast<unsigned>(i));
      check(*op, op->samples[i], random);
    }
  }
}

bool is_floating(DType type) { return type == DType::f32 || type == DType::f64; }

bool has_gradient(const Op& op, const SampleGraph& sample) {
  return op.gradient != nullptr && !sample.differentiable.empty() &&
         is_floating(sample.graph.value(sample.outputs[0]).dtype);
}

// A scalar that weighs every element of `value` differently: Σ weights ⊙ value.
ValueId weighted_sum(Graph& graph, ValueId value, std::mt19937& random) {
  const Value target{&graph, value};
  const Value weights = constant(graph, draw(target.dtype(), target.shape(), -1, 1, random));
  std::vector<std::int64_t> axes(target.shape().rank());
  std::iota(axes.begin(), axes.end(), 0);
  const Value product = target * weights;
  return axes.empty() ? product.id : reduce_sum(product, axes, false).id;
}

double evaluate(const Graph& graph, const std::vector<Tensor>& inputs) {
  return as_doubles(interpret(graph, inputs)[0])[0];
}

std::size_t input_index(const Graph& graph, ValueId id) {
  return static_cast<std::size_t>(std::ranges::find(graph.inputs(), id) - graph.inputs().begin());
}

// Compares the derivative of the scalar `loss` by differentiate() with central differences, at every element.
void check_gradient(Graph graph, ValueId loss, const std::vector<ValueId>& wrt, std::vector<Tensor> inputs) {
  Graph function = graph;
  function.set_outputs({loss});
  graph.set_outputs(differentiate(graph, loss, wrt));
  const std::vector<Tensor> gradients = interpret(graph, inputs);
  constexpr double step = 1e-5;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    const std::size_t position = input_index(graph, wrt[i]);
    REQUIRE(gradients[i].shape() == inputs[position].shape());
    const Tensor original = inputs[position];
    inputs[position] = original.clone();
    for (std::size_t e = 0; e < static_cast<std::size_t>(original.elements()); ++e) {
      const double at = original.values<double>()[e];
      const auto moved = [&](double by) {
        inputs[position].mutable_values<double>()[e] = at + by;
        return evaluate(function, inputs);
      };
      // Four points: the error of the difference falls with step⁴.
      const double numeric =
          (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step);
      inputs[position].mutable_values<double>()[e] = at;
      INFO("input " << position << ", element " << e);
      CHECK(gradients[i].values<double>()[e] == Approx(numeric).epsilon(1e-6).margin(1e-7));
    }
    inputs[position] = original;
  }
}

std::vector<Tensor> moved(const std::vector<Tensor>& inputs, const std::vector<Tensor>& along, double by) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    result.push_back(inputs[i].clone());
    if (along[i].elements() == 0) continue;
    for (std::size_t e = 0; e < static_cast<std::size_t>(inputs[i].elements()); ++e)
      result[i].mutable_values<double>()[e] += by * along[i].values<double>()[e];
  }
  return result;
}

}  // namespace

TEST_CASE("every operator is found by its name, once, and has samples", "[conformance]") {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const Op* const op : all_ops()) {
    INFO(op->domain << "." << op->name);
    CHECK(find_op(op->domain, op->name) == op);
    CHECK(names.emplace(op->domain, op->name).second);
    CHECK(op->kernels.empty() == (op->control != nullptr || op->routine != nullptr));
    CHECK(op->samples.empty() == (op->control != nullptr));  // control_flow_test.cpp has graphs for those
    CHECK(op->infer != nullptr);
  }
  CHECK(find_op("", "NoSuchOperator") == nullptr);
}

TEST_CASE("inferred shapes and types are those produced", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    const SampleGraph prepared = sample_graph(op, sample, DType::f32, random);
    const std::vector<Tensor> produced = interpret(prepared.graph, prepared.inputs);
    for (std::size_t i = 0; i < produced.size(); ++i) {
      const ValueInfo& inferred = prepared.graph.value(prepared.outputs[i]);
      CHECK(inferred.dtype == produced[i].dtype());
      if (inferred.shape_known) CHECK(to_string(inferred.shape) == to_string(produced[i].shape()));
    }
  });
}

TEST_CASE("a batch that is unknown when shapes are inferred fits what is produced", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    const SampleGraph prepared = sample_graph(op, sample, DType::f32, random);
    Graph open = prepared.graph;
    for (const ValueId id : open.inputs()) {
      Shape shape = open.value(id).shape;
      if (shape.rank() > 0) shape[0] = kDynamic;
      open.set_input_shape(id, shape);
    }
    try {
      open.reinfer();
    } catch (const Failure& failure) {
      // Weights, say, may have to be known; then the refusal says so.
      CHECK(failure.error().code == Errc::invalid);
      return;
    }
    const std::vector<Tensor> produced = interpret(prepared.graph, prepared.inputs);
    for (std::size_t i = 0; i < produced.size(); ++i) {
      const ValueInfo& inferred = open.value(prepared.outputs[i]);
      if (!inferred.shape_known) continue;
      REQUIRE(inferred.shape.rank() == produced[i].shape().rank());
      for (std::size_t d = 0; d < inferred.shape.rank(); ++d)
        if (inferred.shape[d] != kDynamic) CHECK(inferred.shape[d] == produced[i].shape()[d]);
    }
  });
}

TEST_CASE("f32 and f64 kernels agree", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    std::mt19937 same = random;
    const SampleGraph narrow = sample_graph(op, sample, DType::f32, random);
    const SampleGraph wide = sample_graph(op, sample, DType::f64, same);
    const std::vector<Tensor> low = interpret(narrow.graph, narrow.inputs);
    const std::vector<Tensor> high = interpret(wide.graph, wide.inputs);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const std::vector<double> a = as_doubles(low[i]), b = as_doubles(high[i]);
      REQUIRE(a.size() == b.size());
      for (std::size_t e = 0; e < a.size(); ++e) {
        INFO("output " << i << ", element " << e);
        CHECK(a[e] == Approx(b[e]).epsilon(1e-4).margin(1e-5));
      }
    }
  });
}

TEST_CASE("a session computes what the interpreter computes", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    const SampleGraph prepared = sample_graph(op, sample, DType::f32, random);
    const std::vector<Tensor> expected = interpret(prepared.graph, prepared.inputs);
    const std::vector<Tensor> got = Session(prepared.graph, {}).run(prepared.inputs);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(as_doubles(got[i]) == as_doubles(expected[i]));
  });
}

TEST_CASE("gradients match finite differences", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    SampleGraph prepared = sample_graph(op, sample, DType::f64, random);
    if (!has_gradient(op, prepared)) return;
    const ValueId loss = weighted_sum(prepared.graph, prepared.outputs[0], random);
    check_gradient(prepared.graph, loss, prepared.differentiable, prepared.inputs);
  });
}

TEST_CASE("second derivatives match finite differences", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    SampleGraph prepared = sample_graph(op, sample, DType::f64, random);
    if (!has_gradient(op, prepared)) return;
    Graph& graph = prepared.graph;
    const ValueId loss = weighted_sum(graph, prepared.outputs[0], random);
    const std::vector<ValueId> first = differentiate(graph, loss, prepared.differentiable);
    Value product;
    for (const ValueId id : first) {
      const Value term{&graph, weighted_sum(graph, id, random)};
      product = product ? product + term : term;
    }
    check_gradient(graph, product.id, prepared.differentiable, prepared.inputs);
  });
}

TEST_CASE("tangents match finite differences", "[conformance]") {
  each_sample([](const Op& op, const Sample& sample, std::mt19937& random) {
    SampleGraph prepared = sample_graph(op, sample, DType::f64, random);
    if (!has_gradient(op, prepared)) return;
    Graph graph = prepared.graph;
    const ValueId output = prepared.outputs[0];
    std::vector<Tensor> along(prepared.inputs.size(), Tensor(DType::f64, {0}));
    std::vector<Paired> inputs;
    for (const ValueId id : prepared.differentiable) {
      Tensor& tangent = along[input_index(graph, id)];
      tangent = draw(DType::f64, graph.value(id).shape, -1, 1, random);
      inputs.push_back({id, graph.add_constant("", tangent)});
    }
    graph.set_outputs(push_forward(graph, std::array{output}, inputs));
    const Tensor tangent = interpret(graph, prepared.inputs)[0];
    prepared.graph.set_outputs({output});
    const auto at = [&](double by) {
      return as_doubles(interpret(prepared.graph, moved(prepared.inputs, along, by))[0]);
    };
    constexpr double step = 1e-5;
    const auto a = at(step), b = at(-step), c = at(2 * step), d = at(-2 * step);
    REQUIRE(static_cast<std::size_t>(tangent.elements()) == a.size());
    for (std::size_t e = 0; e < a.size(); ++e) {
      INFO("element " << e);
      const double numeric = (8 * (a[e] - b[e]) - (c[e] - d[e])) / (12 * step);
      CHECK(tangent.values<double>()[e] == Approx(numeric).epsilon(1e-6).margin(1e-7));
    }
  });
}

}  // namespace dormouse::engine::conformance
