#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/driver.h"
#include "learning/dataset.h"
#include "learning/metrics.h"

namespace dormouse::daemon {

/// How a model did on labelled examples.
struct Evaluation {
  std::vector<std::string> labels;
  learning::Confusion confusion;
  std::optional<double> auroc = {};              ///< mean of one class against all others
  std::optional<double> calibration_error = {};  ///< expected, of 15 bins
};

/// Of the model in the file, computed here. Its classes are those that it names, else those of the data in
/// their order. Scores that are no probabilities become so by softmax, at the temperature of the seed memory
/// beside the file. Throws Failure(invalid) when the model has other classes than the data.
Evaluation evaluate_here(const std::string& model, const learning::Dataset& data,
                         std::span<const engine::Driver* const> drivers);

boost::json::object to_json(const Evaluation& evaluation);
/// A line a class, the figures for all, and which class is taken for which.
std::string to_text(const Evaluation& evaluation);

}  // namespace dormouse::daemon
