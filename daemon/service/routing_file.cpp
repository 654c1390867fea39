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

constexpr std::string_view kHeader = "dormouse-gate 2", kEarlier = "dormouse-gate 1";

std::string checksum(std::string_view text) { return learning::sha256(std::as_bytes(std::span(text))); }

/// Up to the end of the line, which goes, too. Throws Failure(corrupt) where there is none.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) throw Failure(Errc::corrupt, "it is too short");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

SavedGate parse(const std::string& text) {
  std::string_view body = text;
  const std::string_view header = take_line(body);
  if (header != kHeader && header != kEarlier) throw Failure(Errc::corrupt, "it is not the state of a gate");
  if (const std::string_view sum = take_line(body); sum != checksum(body))
    throw Failure(Errc::corrupt, "its checksum is wrong");
  SavedGate saved;
  if (header == kHeader) saved.shipped = take_line(body);
  hrm::NumberReader numbers(take_line(body));
  saved.models.low = static_cast<std::int64_t>(numbers.number());
  saved.models.high = static_cast<std::int64_t>(numbers.number());
  saved.models.labels = numbers.count(1 << 20);
  // Before planners could say what the model has no word for, theirs were not written down.
  saved.models.planner_labels = numbers.done() ? saved.models.labels : numbers.count(1 << 20);
  saved.gate = body;
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
  const std::string body = saved.shipped + "\n" + models.text() + "\n" + saved.gate;
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
