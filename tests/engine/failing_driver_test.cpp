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
  explicit FailingProgram(Errc how) : how_(how) {}
  void run(std::span<const View>, std::span<const View>) override {
    throw Failure(how_, "the device is lost, or full");
  }

 private:
  Errc how_;
};

/// Takes every node, and never computes one.
class FailingDriver final : public Driver, public FailureListener {
 public:
  explicit FailingDriver(Fails when, Errc how = Errc::unavailable) : when_(when), how_(how) {}
  std::string_view name() const override { return "failing"; }
  bool supports(const Graph&, const Node&) const override { return true; }
  bool worthwhile(const Partition&) const override { return true; }
  std::shared_ptr<Workspace> open_workspace() const override { return std::make_shared<Workspace>(); }
  std::unique_ptr<Program> compile(const Partition&, Workspace&, bool) const override {
    ++compiled;
    if (when_ == Fails::compiling) throw Failure(how_, "no memory left");
    return std::make_unique<FailingProgram>(how_);
  }
  ProgramMemory foresee(const Partition&) const override { return {}; }
  void given_up(const Error& error) const override { told.push_back(error.context); }
  mutable int compiled = 0;
  mutable std::vector<std::string> told;

 private:
  Fails when_;
  Errc how_;
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

TEST_CASE("a driver that has no room for a plan is left out of it, and is tried for others", "[session]") {
  const FailingDriver driver(GENERATE(Fails::running, Fails::compiling), Errc::too_large);
  const Driver* const drivers[] = {&driver};
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic})};
  graph.set_outputs({(x + x).id});
  const Session session(graph, drivers);
  for (int run = 0; run < 2; ++run)
    for (const std::int64_t extent : {3, 5}) {
      const Tensor inputs[] = {Tensor(DType::f32, {extent})};
      CHECK(session.run(inputs).at(0).shape() == Shape{extent});
      CHECK(session.placement(inputs).at(0).first == "reference");
    }
  CHECK(driver.compiled == 2);  // once for each extent
  CHECK(driver.told.empty());
}
