// The node tests that ONNX ships (Debian: libonnx-testdata), through the importer and a session. What is
// expected to pass is worked out from the model alone, so a test that should pass and does not is an error,
// and so is the reverse.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "engine/formats/onnx.h"
#include "engine/formats/protobuf.h"
#include "engine/op.h"
#include "engine/session.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::engine::conformance {
namespace {

namespace fs = std::filesystem;

const fs::path kTests = "/usr/share/libonnx-testdata/data";

// Forms and types that operators of the table do not cover; a test whose name begins so is expected not to
// pass.
struct Exception {
  std::string_view prefix;
  std::string_view why;
};
constexpr Exception kExceptions[] = {
    {"test_training_dropout", "training mode draws random numbers"},
    {"test_batchnorm_epsilon_training", "training mode"},
    {"test_batchnorm_example_training", "training mode"},
    {"test_cast_BFLOAT16", "the test's bf16 tensors are stored as u16"},
    {"test_cast_FLOAT_to_BFLOAT16", "the test's bf16 tensors are stored as u16"},
    {"test_castlike_BFLOAT16", "the test's bf16 tensors are stored as u16"},
    {"test_castlike_FLOAT_to_BFLOAT16", "the test's bf16 tensors are stored as u16"},
    {"test_cast_STRING", "strings"},
    {"test_cast_FLOAT_to_STRING", "strings"},
    {"test_castlike_STRING", "strings"},
    {"test_castlike_FLOAT_to_STRING", "strings"},
    {"test_identity_opt", "optional values"},
    {"test_identity_sequence", "sequences"},
    {"test_max_float16", "no arithmetic in f16"},
    {"test_min_float16", "no arithmetic in f16"},
};

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The operators of a model, without the importer: ModelProto.graph (7), GraphProto.node (1),
// NodeProto.op_type (4) and domain (7).
std::set<std::pair<std::string, std::string>> operators(const fs::path& model) {
  std::set<std::pair<std::string, std::string>> result;
  const std::string bytes = contents(model);
  for (ProtobufReader outer(bytes, "model"); outer.next();) {
    if (outer.field() != 7) continue;
    for (ProtobufReader graph(outer.bytes(), "graph"); graph.next();) {
      if (graph.field() != 1) continue;
      std::string type, domain;
      for (ProtobufReader node(graph.bytes(), "node"); node.next();) {
        if (node.field() == 4) type = node.text();
        if (node.field() == 7) domain = node.text();
      }
      result.emplace(domain, type);
    }
  }
  return result;
}

bool implemented(const fs::path& test) {
  return std::ranges::all_of(operators(test / "model.onnx"), [](const auto& op) {
    return op.second == "Constant" || find_op(op.first, op.second) != nullptr;
  });
}

const Exception* exception(const std::string& name) {
  const auto found =
      std::ranges::find_if(kExceptions, [&](const Exception& e) { return name.starts_with(e.prefix); });
  return found == std::end(kExceptions) ? nullptr : &*found;
}

std::vector<Tensor> tensors(const fs::path& set, const std::string& kind) {
  std::vector<Tensor> result;
  for (int i = 0; fs::exists(set / (kind + "_" + std::to_string(i) + ".pb")); ++i)
    result.push_back(read_onnx_tensor((set / (kind + "_" + std::to_string(i) + ".pb")).string()));
  return result;
}

bool close(double got, double expected) {
  if (std::isnan(expected)) return std::isnan(got);
  return got == expected || std::abs(got - expected) <= 1e-5 + 1e-3 * std::abs(expected);
}

std::string difference(const Tensor& got, const Tensor& expected) {
  if (got.dtype() != expected.dtype() || got.shape() != expected.shape())
    return std::string(word(got.dtype())) + " " + to_string(got.shape()) + " instead of " +
           std::string(word(expected.dtype())) + " " + to_string(expected.shape());
  const std::vector<double> a = as_doubles(got), b = as_doubles(expected);
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!close(a[i], b[i]))
      return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + " instead of " +
             std::to_string(b[i]);
  return "";
}

// "" when every data set passes; otherwise what went wrong, refusals in angle brackets.
std::string outcome(const fs::path& test) {
  try {
    const Session session(read_onnx((test / "model.onnx").string()), {});
    for (int i = 0; fs::exists(test / ("test_data_set_" + std::to_string(i))); ++i) {
      const fs::path set = test / ("test_data_set_" + std::to_string(i));
      const std::vector<Tensor> expected = tensors(set, "output"), got = session.run(tensors(set, "input"));
      if (got.size() != expected.size()) return "has another number of outputs";
      for (std::size_t o = 0; o < got.size(); ++o)
        if (const std::string what = difference(got[o], expected[o]); !what.empty()) return what;
    }
    return "";
  } catch (const Failure& failure) {
    const bool refused = failure.error().code == Errc::unsupported;
    return refused ? "<" + std::string(failure.what()) + ">" : failure.what();
  }
}

}  // namespace

TEST_CASE("ONNX's own tests pass exactly where the operators are implemented", "[onnx]") {
  if (!fs::exists(kTests)) {
    WARN("libonnx-testdata is not installed: nothing is checked");
    return;
  }
  const std::string folder = GENERATE("node", "pytorch-operator", "pytorch-converted", "simple");
  std::size_t passed = 0, all = 0;
  for (const auto& entry : fs::directory_iterator(kTests / folder)) {
    const std::string name = entry.path().filename().string();
    const std::string result = outcome(entry.path());
    INFO(folder << "/" << name << ": " << (result.empty() ? "passes" : result));
    if (const Exception* const known = exception(name)) {
      INFO("not expected to pass: " << known->why);
      CHECK_FALSE(result.empty());
    } else if (implemented(entry.path())) {
      CHECK(result.empty());
    } else {
      CHECK(result.starts_with("<"));
    }
    passed += result.empty();
    ++all;
  }
  WARN(folder << ": " << passed << " of " << all << " pass");
}

}  // namespace dormouse::engine::conformance
