#pragma once

#include <random>
#include <span>
#include <vector>

#include "engine/driver.h"
#include "engine/graph.h"

namespace dormouse::drivers {

/// One operator on drawn operands.
struct Case {
  engine::Graph graph;
  std::vector<engine::Tensor> inputs;  ///< what the graph's inputs are given
};

/// `sample` of `op` with one output; the inputs behind the first `run_time` are constants, as weights are.
Case make_case(const engine::Op& op, const engine::Sample& sample, std::size_t run_time,
               std::mt19937& random);

/// Whether `driver` takes every node of `graph`.
bool takes(const engine::Driver& driver, const engine::Graph& graph);

/// The outputs of `graph`, all of it computed by `driver` as one partition.
std::vector<engine::Tensor> run_on(const engine::Driver& driver, const engine::Graph& graph,
                                   std::span<const engine::Tensor> inputs);

/// Checks that f32 tensors agree within 1e-4, relative to the larger of 0.1 and the expected value.
void check_close(std::span<const engine::Tensor> actual, std::span<const engine::Tensor> expected);

}  // namespace dormouse::drivers
