#include "daemon/service/routing_file.h"

#include <fstream>
#include <sstream>

#include "config/error.h"
#include "config/log.h"
#include "engine/formats/atomic_file.h"
#include "learning/files.h"

namespace dormouse::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "dormouse-gate 1";

std::string checksum(std::string_view text) { return learning::sha256(std::as_bytes(std::span(text))); }

SavedGate parse(const std::string& text) {
  const auto first = text.find('\n');
  const auto second = first == std::string::npos ? first : text.find('\n', first + 1);
  if (second == std::string::npos || std::string_view(text).substr(0, first) != kHeader)
    throw Failure(Errc::corrupt, "it is not the state of a gate");
  const std::string_view body = std::string_view(text).substr(second + 1);
  if (text.substr(first + 1, second - first - 1) != checksum(body))
    throw Failure(Errc::corrupt, "its checksum is wrong");
  const auto end = body.find('\n');
  if (end == std::string_view::npos) throw Failure(Errc::corrupt, "it is too short");
  hrm::NumberReader numbers(body.substr(0, end));
  SavedGate saved;
  saved.models.low = static_cast<std::int64_t>(numbers.number());
  saved.models.high = static_cast<std::int64_t>(numbers.number());
  saved.models.labels = numbers.count(1 << 20);
  // Before planners could say what the model has no word for, theirs were not written down.
  saved.models.planner_labels = numbers.done() ? saved.models.labels : numbers.count(1 << 20);
  saved.gate = body.substr(end + 1);
  return saved;
}

}  // namespace

void write_gate(const fs::path& file, const SavedGate& saved) {
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  if (failed) throw Failure(Errc::io, file.parent_path().string() + ": cannot be made: " + failed.message());
  hrm::NumberWriter models;
  for (const std::int64_t version : {saved.models.low, saved.models.high})
    models.add(static_cast<double>(version));
  for (const std::size_t labels : {saved.models.labels, saved.models.planner_labels})
    models.add(static_cast<double>(labels));
  const std::string body = models.text() + "\n" + saved.gate;
  engine::write_file(file.string(), std::string(kHeader) + "\n" + checksum(body) + "\n" + body);
}

std::optional<SavedGate> read_gate(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::ostringstream text;
  text << stream.rdbuf();
  try {
    return parse(text.str());
  } catch (const Failure& failure) {
    set_aside(file, failure.error().context);
    return std::nullopt;
  }
}

void set_aside(const fs::path& file, const std::string& reason) {
  std::error_code failed;
  fs::rename(file, file.string() + ".bad", failed);
  log(Level::warning, file.string() + ": set aside as .bad, and routing begins anew: " + reason);
}

}  // namespace dormouse::daemon
