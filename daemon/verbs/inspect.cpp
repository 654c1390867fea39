#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <iostream>

#include "config/text.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/coverage.h"
#include "daemon/verbs/graph_summary.h"
#include "daemon/verbs/inspect_memory.h"
#include "daemon/verbs/inspect_passes.h"
#include "daemon/verbs/print.h"
#include "drivers/all_drivers.h"
#include "engine/formats/all_formats.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"ops", "", "list every operator: opset, element types, gradient, driver"},
    {"passes", "", "list what each pass changes, and how many nodes are left"},
    {"memory", "", "say where its memory goes before any is taken"},
    {"shape", "NAME=1x3x224x224", "with --memory: of inputs with dynamic extents, which count as 1 else"}};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string domains(const std::vector<Coverage>& rows) {
  std::map<std::string, std::size_t> counts;
  for (const Coverage& row : rows) ++counts[row.domain];
  return config::join(counts,
                      [](const auto& entry) { return std::to_string(entry.second) + " of " + entry.first; });
}

int list_operators(bool json) {
  const std::vector<Coverage> rows = coverage(drivers::all_drivers());
  if (json) {
    boost::json::array list;
    for (const Coverage& row : rows)
      list.push_back({{"operator", row.op},
                      {"domain", row.domain},
                      {"since", row.since},
                      {"types", boost::json::value_from(row.types)},
                      {"gradient", row.gradient},
                      {"driver", row.driver}});
    std::cout << boost::json::serialize(boost::json::object{{"operators", list}}) << "\n";
    return kOk;
  }
  Table table({"operator", "domain", "opset", "gradient", "driver", "types"});
  for (const Coverage& row : rows)
    table.add({row.op, row.domain, std::to_string(row.since), row.gradient ? "yes" : "–",
               row.driver.empty() ? "–" : row.driver, row.types.empty() ? "any" : joined(row.types)});
  std::cout << table.text() << "\n" << rows.size() << " operators: " << domains(rows) << "\n";
  return kOk;
}

std::string type_of(const engine::ValueInfo& value) {
  return std::string(word(value.dtype)) + " " + (value.shape_known ? to_string(value.shape) : "of any shape");
}

boost::json::array described(const std::vector<engine::ValueInfo>& values) {
  boost::json::array list;
  for (const engine::ValueInfo& value : values)
    list.push_back({{"name", value.name}, {"type", type_of(value)}});
  return list;
}

void print(const GraphSummary& summary) {
  for (const auto& value : summary.inputs)
    std::cout << "input   " << value.name << "  " << type_of(value) << "\n";
  for (const auto& value : summary.outputs)
    std::cout << "output  " << value.name << "  " << type_of(value) << "\n";
  std::cout << summary.nodes << " nodes, " << summary.parameters << " parameters in "
            << summary.parameter_bytes << " bytes";
  if (summary.macs) std::cout << ", " << *summary.macs << " multiply-adds an inference (dynamic extents 1)";
  std::cout << "\n\n";
  std::vector<std::pair<std::string, std::size_t>> operators(summary.operators.begin(),
                                                             summary.operators.end());
  std::ranges::stable_sort(operators, std::greater<>{}, &std::pair<std::string, std::size_t>::second);
  Table table({"operator", "nodes"});
  for (const auto& [name, count] : operators) table.add({name, std::to_string(count)});
  std::cout << table.text();
}

int describe(const std::string& path, bool json) {
  const GraphSummary summary = summarise(engine::load_graph(path));
  if (!json) {
    print(summary);
    return kOk;
  }
  boost::json::object line{{"inputs", described(summary.inputs)},
                           {"outputs", described(summary.outputs)},
                           {"nodes", summary.nodes},
                           {"operators", boost::json::value_from(summary.operators)},
                           {"parameters", summary.parameters},
                           {"parameter_bytes", summary.parameter_bytes}};
  if (summary.macs) line["macs"] = *summary.macs;
  std::cout << boost::json::serialize(line) << "\n";
  return kOk;
}

int run(const Arguments& arguments) {
  if (arguments.flag("ops")) return list_operators(arguments.json());
  const std::string& model = arguments.positional(0, "MODEL.onnx (or --ops)");
  if (arguments.flag("passes")) return list_passes(model, arguments.json());
  if (arguments.flag("memory"))
    return inspect_memory(model, arguments.value_or("shape", ""), arguments.json());
  return describe(model, arguments.json());
}

}  // namespace

extern const Verb inspect_verb{
    .name = "inspect",
    .group = "run",
    .summary = "say what a model is made of and takes, or which operators run here",
    .arguments = "MODEL.onnx [--passes] [--memory] | --ops",
    .words = 1,
    .example = "dormouse inspect --ops",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
