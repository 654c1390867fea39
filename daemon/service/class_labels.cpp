#include "daemon/service/class_labels.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>

#include "engine/formats/onnx.h"

namespace dormouse::daemon {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxLabel = 128;  // bytes
constexpr std::size_t kMaxClasses = 1000;

}  // namespace

void check_label(const std::string& label, const std::vector<std::string>& known) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (label.empty() || label.size() > kMaxLabel || std::ranges::any_of(label, control))
    throw Failure(Errc::invalid, "label: expected 1 to " + std::to_string(kMaxLabel) + " printable bytes");
  if (known.size() >= kMaxClasses && std::ranges::find(known, label) == known.end())
    throw Failure(Errc::conflict,
                  "label: a model learns at most " + std::to_string(kMaxClasses) + " classes");
}

std::string ClassLabels::name_of(std::int64_t answer) const {
  if (!numbers.empty()) answer = std::ranges::find(numbers, answer) - numbers.begin();
  const bool known = answer >= 0 && answer < static_cast<std::int64_t>(names.size());
  return known ? names[static_cast<std::size_t>(answer)] : "";
}

ClassLabels class_labels(const engine::Graph& graph, const std::string& file) {
  const auto entry =
      std::ranges::find(graph.metadata, engine::kLabelsKey, &std::pair<std::string, std::string>::first);
  if (entry == graph.metadata.end()) return {};
  boost::system::error_code error;
  const json::value list = json::parse(entry->second, error);
  if (const auto names = json::try_value_to<std::vector<std::string>>(list)) return {*names, {}};
  const auto numbers = json::try_value_to<std::vector<std::int64_t>>(list);
  if (!numbers)
    throw Failure(Errc::corrupt, file + ": its labels are no JSON list of strings, or of whole numbers");
  ClassLabels labels{{}, *numbers};
  for (const std::int64_t number : *numbers) labels.names.push_back(std::to_string(number));
  return labels;
}

}  // namespace dormouse::daemon
