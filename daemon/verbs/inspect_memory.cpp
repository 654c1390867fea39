#include "daemon/verbs/inspect_memory.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <iostream>

#include "daemon/verbs/bench_inputs.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/verb.h"
#include "drivers/all_drivers.h"
#include "engine/footprint.h"
#include "engine/formats/all_formats.h"
#include "engine/mapped.h"

namespace dormouse::daemon {
namespace {

using engine::Footprint;
using engine::Graph;
using engine::Tensor;

/// The constants as the file gave them.
struct FileConstants {
  std::size_t mapped = 0, copied = 0;  ///< tensors
  std::size_t copied_bytes = 0;
};

FileConstants constants_of(const Graph& graph) {
  FileConstants counts;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto& constant = graph.value(static_cast<engine::ValueId>(i)).constant;
    if (!constant || constant->elements() == 0) continue;
    const bool mapped = engine::is_mapped(*constant);
    ++(mapped ? counts.mapped : counts.copied);
    if (!mapped) counts.copied_bytes += constant->byte_size();
  }
  return counts;
}

struct Row {
  const char* name;
  std::size_t Footprint::*bytes;
  const char* what;
};

constexpr Row kRows[] = {
    {"copied", &Footprint::copied, "weights not as the file has them: misaligned there, decoded, folded"},
    {"packed", &Footprint::packed, "weights as drivers want them; shared where a cache keeps them"},
    {"arena", &Footprint::arena, "values between steps"},
    {"scratch", &Footprint::scratch, "of portable kernels"},
    {"workspace", &Footprint::workspace, "of drivers while they run"},
    {"tables", &Footprint::tables, "graph, plan and programs"},
    {"outputs", &Footprint::outputs, "of one answer"}};

std::string megabytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(bytes) / 1e6);
  return text;
}

void print(const Footprint& footprint, const FileConstants& file) {
  Table table({"memory", "MB", "what"});
  for (const Row& row : kRows) table.add({row.name, megabytes(footprint.*row.bytes), row.what});
  table.add({"all", megabytes(footprint.total()), "the process grows by, for one request at a time"});
  std::cout << table.text() << "\nBeside that " << megabytes(footprint.mapped)
            << " MB of weights are pages of the file, which the system takes back at will.\nOf the file's "
            << file.mapped + file.copied << " constants " << file.mapped << " are mapped and " << file.copied
            << " copied (" << megabytes(file.copied_bytes) << " MB), misaligned or encoded there.\n";
}

}  // namespace

int inspect_memory(const std::string& path, const std::string& shapes, bool json) {
  const Graph graph = engine::load_graph(path);
  const FileConstants file = constants_of(graph);
  const Footprint footprint =
      engine::foresee(graph, input_shapes(graph, parse_shapes(shapes)), drivers::all_drivers());
  if (!json) {
    print(footprint, file);
    return kOk;
  }
  boost::json::object line;
  for (const Row& row : kRows) line[std::string(row.name) + "_bytes"] = footprint.*row.bytes;
  line["all_bytes"] = footprint.total();
  line["mapped_bytes"] = footprint.mapped;
  line["constants_mapped"] = file.mapped;
  line["constants_copied"] = file.copied;
  line["constants_copied_bytes"] = file.copied_bytes;
  std::cout << boost::json::serialize(line) << "\n";
  return kOk;
}

}  // namespace dormouse::daemon
