// A device that fails: the run is answered all the same.

#include <catch2/catch.hpp>

#include "engine/failure_listener.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

enum class Fails { compiling, running };

class FailingProgram final : public Program {
 public:
  void run(std::span<const View>, std::span<const View>) override {
    throw Failure(Errc::unavailable, "the device is lost");
  }
};

/// Takes every node, and never computes one.
class FailingDriver final : public Driver, public FailureListener {
 public:
  explicit FailingDriver(Fails when) : when_(when) {}
  std::string_view name() const override { return "failing"; }
  bool supports(const Graph&, const Node&) const override { return true; }
  bool worthwhile(const Partition&) const override { return true; }
  std::shared_ptr<Workspace> open_workspace() const override { return std::make_shared<Workspace>(); }
  std::unique_ptr<Program> compile(const Partition&, Workspace&, bool) const override {
    ++compiled;
    if (when_ == Fails::compiling) throw Failure(Errc::unavailable, "no memory left");
    return std::make_unique<FailingProgram>();
  }
  ProgramMemory foresee(const Partition&) const override { return {}; }
  void given_up(const Error& error) const override { told.push_back(error.context); }
  mutable int compiled = 0;
  mutable std::vector<std::string> told;

 private:
  Fails when_;
};

Graph doubled() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {3})};
  graph.set_outputs({(x + x).id});
  return graph;
}

}  // namespace

TEST_CASE("a driver that fails is given up and the run answers", "[session]") {
  const FailingDriver driver(GENERATE(Fails::running, Fails::compiling));
  const Driver* const drivers[] = {&driver};
  const Session session(doubled(), drivers);
  const Tensor inputs[] = {row_of({1.0f, 2.0f, 3.0f})};
  for (int run = 0; run < 2; ++run) {
    const Tensor output = session.run(inputs).at(0);
    CHECK(std::vector<float>(output.values<float>().begin(), output.values<float>().end()) ==
          std::vector<float>{2, 4, 6});
  }
  CHECK(driver.compiled == 1);
  CHECK(driver.told.size() == 1);
  CHECK(session.placement(inputs).at(0).first == "reference");
}
