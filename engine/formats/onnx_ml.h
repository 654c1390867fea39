#pragma once

#include <string>
#include <vector>

#include "engine/formats/onnx_upgrade.h"

namespace dormouse::engine {

/// Operators of the domain ai.onnx.ml, as exporters of scikit-learn, LightGBM and XGBoost write them, spelt
/// out in ONNX's own operators and a few of ours (TreeEnsemble, LookUp, SquaredDistances, PairwiseCoupling).
///
/// Tensors hold no strings: where an operator would make some, each is its position in the operator's list
/// of them (i64), which classes_of() knows; an initialiser of strings holds positions, too. ZipMap, whose
/// result would be a sequence of maps, passes its scores on, [N, classes]. Those that are not known stay as
/// they are. Throws Failure(invalid) naming what contradicts itself, Failure(unsupported) naming what is not
/// possible here. Source of the definitions: ONNX, docs/Operators-ml.md; where it leaves open what scores of
/// two classes look like, ONNX Runtime's.
std::vector<OnnxNode> spell_out_ml(OnnxNode node, const LookUp& look_up);

/// What a model's classes are called, in the order of their scores: names, or numbers, which its answers hold
/// then. Empty where it has no classes.
struct OnnxClasses {
  std::vector<std::string> names;
  std::vector<std::int64_t> numbers;
};

/// Of the last classifier, ZipMap, encoder to strings or choice from an initialiser of strings in `graph`.
OnnxClasses classes_of(const OnnxGraph& graph);

/// Positions stand for strings where these are only chosen from and passed on. Throws Failure(unsupported)
/// naming the first node that would do anything else with an initialiser of strings.
void check_strings(const OnnxGraph& graph);

}  // namespace dormouse::engine
