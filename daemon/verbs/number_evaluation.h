#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "daemon/verbs/verb.h"
#include "engine/session.h"
#include "learning/number_errors.h"
#include "learning/targets.h"

namespace dormouse::daemon {

/// How far off a model's numbers are.
struct NumberEvaluation {
  learning::NumberModel model;
  learning::NumberErrors errors;
};

/// Of the model in a file (its graph), computed here on the examples or windows of `data`, one window every
/// `stride` rows. Throws as learning::read_for() does.
NumberEvaluation evaluate_numbers(const engine::Graph& graph, const std::string& data, std::int64_t stride,
                                  std::span<const engine::Driver* const> drivers);

boost::json::object to_json(const NumberEvaluation& evaluation);
/// A line a target, for a forecast some rows ahead, and the figures for all.
std::string to_text(const NumberEvaluation& evaluation);
/// The figures for all in one line, without a line feed.
std::string figures(const learning::NumberErrors& errors);

/// `dormouse infer` of such a model: a line an example, or a row foretold, of each file.
/// A file holds what data for training does, and need not hold the targets; of a longer series its end is the
/// window.
int infer_numbers(const Arguments& arguments, const engine::Session& session,
                  const learning::NumberModel& model);

}  // namespace dormouse::daemon
