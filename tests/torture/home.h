#pragma once

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "tests/daemon/small_model.h"
#include "tests/torture/dormouse_process.h"

namespace dormouse::daemon {

/// A folder with two small models and a configuration: "colours" with its seed, "plain" without one and with
/// SGD.
struct Home {
  explicit Home(std::uint64_t seed, const std::string& more = "");
  static std::string configuration(const std::string& accept);

  TemporaryFolder folder;
  SmallModel model;
};

/// A number that the environment may set.
std::size_t from_environment(const char* name, std::size_t otherwise);

/// A JSON request with `tensor` as its inputs, and `more` fields, each behind a comma.
std::string body_of(const engine::Tensor& tensor, const std::string& more = "");
/// A probe: asks for probabilities alone, and nothing is remembered.
std::string probe_of(const engine::Tensor& tensor);

/// The reply's JSON; any status but `expected` throws with the whole reply.
boost::json::value answer_of(const Reply& reply, unsigned expected = 200);

}  // namespace dormouse::daemon
