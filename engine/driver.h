#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "engine/op.h"

namespace dormouse::engine {

/// A run of nodes given to one driver as a whole. Every shape in `graph` is static.
struct Partition {
  const Graph* graph = nullptr;
  std::vector<std::size_t> nodes;  ///< indices into graph->nodes(), in order
  std::vector<ValueId> inputs;     ///< read from outside; constants are not listed
  std::vector<ValueId> outputs;    ///< read outside
};

/// Whether it is all of a graph in which an operator `updates`: a step of training, unless by plain SGD.
bool is_training_step(const Partition& partition);

/// A compiled partition. Not thread-safe: every execution context compiles its own; a driver may share packed
/// weights between programs of the same constants. Not to be run while another one of its workspace runs.
class Program {
 public:
  virtual ~Program() = default;
  /// `inputs` and `outputs` as in the partition; elements are aligned for their type and kReadSlack bytes
  /// behind inputs are readable. Throws Failure(unavailable) when the device fails at run time; it may be run
  /// again then.
  virtual void run(std::span<const View> inputs, std::span<const View> outputs) = 0;

  /// A piece of the program as the driver sees it: several nodes, or one.
  struct Part {
    std::string name;
    std::chrono::microseconds time;
  };
  /// What the last run took, in order; only of programs compiled to measure, and where the driver can tell.
  virtual std::vector<Part> parts() const { return {}; }
};

/// Memory that the programs of one context take turns to use.
class Workspace {
 public:
  virtual ~Workspace() = default;
};

/// Bytes that a program takes.
struct ProgramMemory {
  std::size_t weights = 0;    ///< packed constants, which programs of the same constants share
  std::size_t workspace = 0;  ///< the programs of one context share the largest of them
  std::size_t own = 0;        ///< tables and copies of constants
};

/// An execution provider: XNNPACK, Vulkan. The portable kernels need none.
///
/// Thread-safe.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string_view name() const = 0;
  /// Whether it computes this node, shapes static, as the portable kernel does (to its rounding).
  virtual bool supports(const Graph& graph, const Node& node) const = 0;
  /// Whether a partition of these nodes is worth a hand-over: a lone Reshape is not.
  virtual bool worthwhile(const Partition& partition) const = 0;
  /// For the programs of one context, all of them.
  virtual std::shared_ptr<Workspace> open_workspace() const = 0;
  /// `workspace` is one of this driver's. With `measure` the program keeps what parts() says, at some cost.
  virtual std::unique_ptr<Program> compile(const Partition& partition, Workspace& workspace,
                                           bool measure) const = 0;
  /// What compile() would take, without taking it.
  virtual ProgramMemory foresee(const Partition& partition) const = 0;
};

}  // namespace dormouse::engine
