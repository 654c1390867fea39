#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "engine/tensor.h"

namespace dormouse::daemon {

/// Reads `data`, nested as `shape` says or flat, into a tensor. `what` names it in errors. Throws
/// Failure(invalid) for a wrong count, nesting or type, a value out of range, and the types that JSON cannot
/// carry (FP16, BF16).
engine::Tensor tensor_from_json(const boost::json::value& data, engine::DType type,
                                const engine::Shape& shape, const std::string& what);

/// Appends the elements as a flat JSON array. Throws Failure(invalid) for what JSON cannot carry: FP16, BF16,
/// NaN, infinity.
void append_json(std::string& text, const engine::Tensor& tensor, const std::string& what);

/// Appends `value` quoted and escaped.
void append_quoted(std::string& text, std::string_view value);

}  // namespace dormouse::daemon
