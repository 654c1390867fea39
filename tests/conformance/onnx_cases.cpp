#include "tests/conformance/onnx_cases.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::engine::conformance {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = "/usr/share/libonnx-testdata/data";

/// A driver whose single nodes are worth a partition, as most cases have just one.
class Eager final : public Driver {
 public:
  explicit Eager(const Driver* driver) : driver_(driver) {}
  std::string_view name() const override { return driver_->name(); }
  bool supports(const Graph& graph, const Node& node) const override {
    return driver_->supports(graph, node);
  }
  bool worthwhile(const Partition&) const override { return true; }
  std::shared_ptr<Workspace> open_workspace() const override { return driver_->open_workspace(); }
  std::unique_ptr<Program> compile(const Partition& partition, Workspace& workspace,
                                   bool measure) const override {
    return driver_->compile(partition, workspace, measure);
  }
  ProgramMemory foresee(const Partition& partition) const override { return driver_->foresee(partition); }

 private:
  const Driver* driver_;
};

// The rows of a table beside this file: fields between tabs, lines that begin with # left out.
std::vector<std::vector<std::string>> rows(const std::string& table) {
  std::ifstream file(fs::path(DORMOUSE_CONFORMANCE) / table);
  std::vector<std::vector<std::string>> result;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream fields(line);
    result.emplace_back();
    for (std::string field; std::getline(fields, field, '\t');) result.back().push_back(field);
  }
  return result;
}

// The set's tensors of a kind, for the values that the graph has of it. The cases store bf16 as u16.
std::vector<Tensor> tensors(const fs::path& set, const std::string& kind, const Graph& graph,
                            std::span<const ValueId> values) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; fs::exists(set / (kind + "_" + std::to_string(i) + ".pb")); ++i) {
    Tensor tensor = read_onnx_tensor((set / (kind + "_" + std::to_string(i) + ".pb")).string());
    const bool bits =
        tensor.dtype() == DType::u16 && i < values.size() && graph.value(values[i]).dtype == DType::bf16;
    result.push_back(bits ? Tensor(DType::bf16, tensor.shape(), tensor.clone().buffer(), 0)
                          : std::move(tensor));
  }
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

std::string difference(std::span<const Tensor> got, std::span<const Tensor> expected) {
  if (got.size() != expected.size()) return "another number of outputs";
  for (std::size_t i = 0; i < got.size(); ++i)
    if (const std::string what = difference(got[i], expected[i]); !what.empty())
      return "output " + std::to_string(i) + ": " + what;
  return "";
}

std::size_t on_drivers(const Session& session, std::span<const Tensor> inputs) {
  std::size_t nodes = 0;
  for (const auto& [driver, count] : session.placement(inputs)) nodes += driver == "reference" ? 0 : count;
  return nodes;
}

}  // namespace

std::vector<OnnxCase> onnx_cases() {
  std::vector<OnnxCase> result;
  for (const auto& row : rows("tiers.tsv")) result.push_back({row.at(0), row.at(1)});
  return result;
}

std::map<std::string, Unsupported> unsupported_cases() {
  std::map<std::string, Unsupported> result;
  for (const auto& row : rows("unsupported.tsv"))
    result.emplace(row.at(0), Unsupported{row.at(1), row.at(2)});
  return result;
}

bool onnx_cases_installed() { return fs::exists(kCases); }

Outcome run_case(const OnnxCase& item, std::span<const Driver* const> drivers) {
  const std::vector<Eager> eager(drivers.begin(), drivers.end());
  std::vector<const Driver*> chosen;
  for (const Eager& driver : eager) chosen.push_back(&driver);
  const fs::path folder = kCases / item.name;
  Outcome outcome;
  try {
    const Session session(read_onnx((folder / "model.onnx").string()), chosen);
    const Graph& graph = session.graph();
    for (int i = 0; fs::exists(folder / ("test_data_set_" + std::to_string(i))); ++i) {
      const fs::path set = folder / ("test_data_set_" + std::to_string(i));
      const std::vector<Tensor> inputs = tensors(set, "input", graph, graph.inputs());
      if (!drivers.empty()) outcome.claimed += on_drivers(session, inputs);
      outcome.what = difference(session.run(inputs), tensors(set, "output", graph, graph.outputs()));
      if (!outcome.what.empty()) outcome.kind = Outcome::Kind::differs;
      if (!outcome.what.empty()) break;
    }
  } catch (const Failure& failure) {
    const bool refused = failure.error().code == Errc::unsupported;
    outcome.kind = refused ? Outcome::Kind::refused : Outcome::Kind::differs;
    outcome.what = failure.what();
  }
  return outcome;
}

}  // namespace dormouse::engine::conformance
