#pragma once

#include <string>
#include <vector>

#include "capi/dormouse.h"
#include "engine/op.h"

/// What a callback is handed: of one call, on that thread.
struct dormouse_node {
  explicit dormouse_node(dormouse::engine::InferContext& context);
  explicit dormouse_node(const dormouse::engine::KernelContext& context);

  /// Throws Failure naming `where`, with what the callback said, unless it succeeded.
  void check(dormouse_status status, const std::string& where) const;

  const dormouse::engine::Attributes& attributes;
  dormouse::engine::InferContext* inferring = nullptr;  ///< null: computing
  std::vector<bool> given;
  std::vector<dormouse_tensor> inputs;
  std::vector<dormouse_tensor> outputs;  ///< when computing
  std::size_t output_count;
  std::string why;
};
