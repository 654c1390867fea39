#include "daemon/verbs/inspect_passes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <iostream>

#include "config/text.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/verb.h"
#include "engine/formats/all_formats.h"
#include "engine/passes/pass.h"

namespace dormouse::daemon {
namespace {

std::string joined(const engine::Changes& changes) {
  if (changes.empty()) return "–";
  return config::join(changes,
                      [](const auto& change) { return std::to_string(change.second) + " " + change.first; });
}

}  // namespace

int list_passes(const std::string& path, bool json) {
  engine::Graph graph = engine::load_graph(path);
  const std::size_t before = graph.nodes().size();
  const std::vector<engine::PassReport> reports = engine::optimise_reporting(graph);
  if (json) {
    boost::json::array list;
    for (const engine::PassReport& report : reports)
      list.push_back({{"pass", report.pass},
                      {"nodes", report.nodes},
                      {"changes", boost::json::value_from(report.changes)}});
    std::cout << boost::json::serialize(boost::json::object{{"nodes", before}, {"passes", list}}) << "\n";
    return kOk;
  }
  Table table({"pass", "nodes", "changes"});
  table.add({"as the file has it", std::to_string(before), "–"});
  for (const engine::PassReport& report : reports)
    table.add({std::string(report.pass), std::to_string(report.nodes), joined(report.changes)});
  std::cout << table.text();
  return kOk;
}

}  // namespace dormouse::daemon
