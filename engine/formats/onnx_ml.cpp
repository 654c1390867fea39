#include "engine/formats/onnx_ml.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

using Strings = std::vector<std::string>;
using Speller = std::vector<OnnxNode> (*)(OnnxNode, const LookUp&);

const std::map<std::string, Speller, std::less<>> kSpellers{{"ArrayFeatureExtractor", spell_out_features},
                                                            {"Binarizer", spell_out_features},
                                                            {"CategoryMapper", spell_out_labels},
                                                            {"FeatureVectorizer", spell_out_features},
                                                            {"Imputer", spell_out_features},
                                                            {"LabelEncoder", spell_out_labels},
                                                            {"LinearClassifier", spell_out_linear},
                                                            {"LinearRegressor", spell_out_linear},
                                                            {"Normalizer", spell_out_features},
                                                            {"OneHotEncoder", spell_out_features},
                                                            {"SVMClassifier", spell_out_vectors},
                                                            {"SVMRegressor", spell_out_vectors},
                                                            {"Scaler", spell_out_features},
                                                            {"TreeEnsemble", spell_out_trees},
                                                            {"TreeEnsembleClassifier", spell_out_trees},
                                                            {"TreeEnsembleRegressor", spell_out_trees},
                                                            {"ZipMap", spell_out_labels}};

using GraphStrings = std::map<std::string, Strings>;

/// The strings that a node chooses from or passes on.
const Strings* strings_read(const OnnxNode& node, const GraphStrings& strings) {
  const auto found = node.inputs.empty() ? strings.end() : strings.find(node.inputs[0]);
  return found == strings.end() ? nullptr : &found->second;
}

void check_strings(const OnnxGraph& graph, GraphStrings strings) {
  static const std::set<std::string, std::less<>> movers{"ArrayFeatureExtractor",
                                                         "Flatten",
                                                         "Gather",
                                                         "GatherElements",
                                                         "GatherND",
                                                         "Identity",
                                                         "Reshape",
                                                         "Squeeze",
                                                         "Unsqueeze"};
  strings.insert(graph.strings.begin(), graph.strings.end());
  for (const OnnxNode& node : graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (strings.contains(node.inputs[i]) && (i > 0 || !movers.contains(node.op_type)))
        throw Failure(Errc::unsupported, node.where + ": its input '" + node.inputs[i] +
                                             "' is of strings, which can only be chosen from and passed on; "
                                             "export the model without it");
    for (const auto& [attribute, subgraph] : node.subgraphs) check_strings(*subgraph, strings);
  }
}

OnnxClasses classes_of(const OnnxNode& node, const GraphStrings& strings) {
  if (const Strings* const names = strings_read(node, strings)) return {*names, {}};
  if (node.domain != "ai.onnx.ml") return {};
  const Attributes& attributes = node.attributes;
  if (const auto* names = attributes.find<Strings>("classlabels_strings")) return {*names, {}};
  for (const auto* attribute : {"classlabels_int64s", "classlabels_ints"})
    if (attributes.has(attribute)) return {{}, attributes.integers(attribute)};
  // What encoders make strings of may be in none of them: the last position.
  for (const auto* attribute : {"values_strings", "classes_strings", "cats_strings"})
    if (const auto* names = attributes.find<Strings>(attribute)) {
      OnnxClasses classes{*names, {}};
      classes.names.push_back(attributes.get<std::string>("default_string", "_Unused"));
      return classes;
    }
  return {};
}

}  // namespace

std::vector<OnnxNode> spell_out_ml(OnnxNode node, const LookUp& look_up) {
  const auto speller = kSpellers.find(node.op_type);
  const auto is_empty = [](const std::string& name) { return name.empty(); };
  if (speller == kSpellers.end() || std::ranges::all_of(node.outputs, is_empty)) return {std::move(node)};
  if (node.inputs.empty() || node.inputs[0].empty())
    throw Failure(Errc::invalid, node.where + ": has no input");
  return speller->second(std::move(node), look_up);
}

void check_strings(const OnnxGraph& graph) { check_strings(graph, {}); }

OnnxClasses classes_of(const OnnxGraph& graph) {
  OnnxClasses last;
  for (const OnnxNode& node : graph.nodes) {
    if (OnnxClasses classes = classes_of(node, graph.strings);
        !classes.names.empty() || !classes.numbers.empty())
      last = std::move(classes);
  }
  return last;
}

}  // namespace dormouse::engine
