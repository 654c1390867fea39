#include "hrm/trace.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "config/error.h"
#include "config/log.h"

namespace dormouse::hrm {
namespace {

namespace json = boost::json;

[[noreturn]] void wrong(const std::string& reason) { throw Failure(Errc::corrupt, reason); }

const json::value& member(const json::object& object, std::string_view key) {
  const json::value* const found = object.if_contains(key);
  if (!found) wrong("\"" + std::string(key) + "\" is missing");
  return *found;
}

const json::object& object_of(const json::value& value, std::string_view what) {
  if (!value.is_object()) wrong(std::string(what) + " must be an object");
  return value.get_object();
}

void check_keys(const json::object& object, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object)
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      wrong("\"" + std::string(key) + "\" is unknown here");
}

double number_of(const json::value& value, std::string_view what) {
  boost::system::error_code failed;
  const double number = value.to_number<double>(failed);
  if (failed || !(std::abs(number) <= 1e30))
    wrong("\"" + std::string(what) + "\" must be a number up to 1e30");
  return number;
}

const json::value& label_of(const json::value& value, std::string_view what) {
  if (!value.is_string() && !value.is_int64() && !value.is_uint64())
    wrong("\"" + std::string(what) + "\" must be a whole number or a string");
  return value;
}

struct Given {
  const json::value& label;
  double us;
};

Given answer_of(const json::object& line, std::string_view model) {
  const json::object& answer = object_of(member(line, model), model);
  check_keys(answer, {"label", "us"});
  const Given given{label_of(member(answer, "label"), "label"), number_of(member(answer, "us"), "us")};
  if (given.us < 0) wrong("\"us\" must not be negative");
  return given;
}

Signals signals_of(const json::object& given) {
  Signals signals{};
  member(given, kSignals[kConfidence]);
  for (const auto& [key, value] : given) {
    const auto found = std::ranges::find(kSignals, std::string_view(key));
    if (found == kSignals.end()) wrong("there is no signal \"" + std::string(key) + "\"");
    signals[static_cast<std::size_t>(found - kSignals.begin())] = static_cast<float>(number_of(value, key));
  }
  return signals;
}

json::value parse_line(const std::string& text) {
  boost::system::error_code failed;
  json::value value = json::parse(text, failed);
  if (failed) wrong("this is no JSON: " + failed.message());
  return value;
}

/// Its version: 1 knows no "answer" among the signals.
int check_header(const std::string& text) {
  const json::value value = parse_line(text);
  const json::object& header = object_of(value, "the first line");
  if (member(header, "format") != "dormouse-trace") wrong("\"format\" must be \"dormouse-trace\"");
  const json::value& version = member(header, "version");
  if (version != 1 && version != 2) wrong("only versions 1 and 2 are known");
  check_keys(header, {"format", "version"});
  return version == 1 ? 1 : 2;
}

/// What read_trace() holds until the last line.
struct Draft {
  struct Answers {
    json::value low, high, truth;  ///< truth: null where it is not known
    std::optional<std::uint64_t> id;
  };
  Trace trace;
  std::vector<Answers> answers;  ///< of each request
  std::unordered_map<std::uint64_t, json::value> later;
};

std::uint64_t id_of(const json::value& value) {
  boost::system::error_code failed;
  const auto id = value.to_number<std::uint64_t>(failed);
  if (failed) wrong("\"id\" must be a whole number");
  return id;
}

void add_line(Draft& draft, const std::string& text) {
  const json::value value = parse_line(text);
  const json::object& line = object_of(value, "a request");
  const json::value* const id = line.if_contains("id");
  if (id && line.size() == 2 && line.contains("truth")) {
    draft.later[id_of(*id)] = label_of(line.at("truth"), "truth");
    return;
  }
  check_keys(line, {"id", "signals", "low", "high", "truth", "waiting", "left_us"});
  for (const char* pressure : {"waiting", "left_us"})
    if (const json::value* const given = line.if_contains(pressure)) number_of(*given, pressure);
  const Given low = answer_of(line, "low"), high = answer_of(line, "high");
  const json::value* const truth = line.if_contains("truth");
  const Signals signals = signals_of(object_of(member(line, "signals"), "signals"));
  draft.trace.requests.push_back({signals, false, false, low.us, high.us});
  draft.answers.push_back({low.label, high.label, truth ? label_of(*truth, "truth") : json::value(nullptr),
                           id ? std::optional(id_of(*id)) : std::nullopt});
}

Trace judged(Draft draft) {
  for (std::size_t i = 0; i < draft.answers.size(); ++i) {
    Draft::Answers& answers = draft.answers[i];
    if (const auto told = answers.id ? draft.later.find(*answers.id) : draft.later.end();
        told != draft.later.end())
      answers.truth = told->second;
    draft.trace.truths += !answers.truth.is_null();
    const json::value& right = answers.truth.is_null() ? answers.high : answers.truth;
    draft.trace.requests[i].low_right = answers.low == right;
    draft.trace.requests[i].refuted = answers.low != right;
    draft.trace.requests[i].high_right = answers.high == right;
  }
  return std::move(draft.trace);
}

}  // namespace

Trace read_trace(std::istream& lines, const std::string& name) {
  Draft draft;
  std::string text;
  std::size_t line = 0;
  try {
    while (std::getline(lines, text)) {
      if (++line == 1) {
        check_header(text);
      } else {
        add_line(draft, text);
      }
    }
    if (line == 0) wrong("the file is empty or cannot be read");
  } catch (const Failure& failure) {
    const std::string where = name + (line > 0 ? ", line " + std::to_string(line) : "");
    throw Failure(Errc::corrupt, where + ": " + failure.what());
  }
  return judged(std::move(draft));
}

namespace {

constexpr std::string_view kHeader = "{\"format\":\"dormouse-trace\",\"version\":2}\n";

std::string line_of(const RecordedRequest& request) {
  json::object signals;
  for (std::size_t i = 0; i < kSignals.size(); ++i) signals[kSignals[i]] = request.signals[i];
  json::object line{{"id", request.id},
                    {"signals", std::move(signals)},
                    {"low", {{"label", request.low}, {"us", request.low_us}}},
                    {"high", {{"label", request.high}, {"us", request.high_us}}},
                    {"waiting", request.waiting}};
  if (request.left_us) line["left_us"] = *request.left_us;
  return json::serialize(line) + "\n";
}

void rename(const std::filesystem::path& path, const std::string& name) {
  std::error_code failed;
  std::filesystem::rename(path, name, failed);
  if (failed) throw Failure(Errc::io, path.string() + ": cannot be renamed: " + failed.message());
}

/// Where no trace is ever put in its place.
void keep_version_1(const std::filesystem::path& path) {
  const std::string first = path.string() + ".v1";
  std::string name = first;
  std::error_code failed;
  for (int taken = 1; std::filesystem::exists(name, failed); ++taken)
    name = first + "." + std::to_string(taken);
  rename(path, name);
  log(Level::info, path.string() + " is a trace of version 1, which is not written any more: it is kept as " +
                       name + ", for route-eval");
}

[[noreturn]] void cannot_write(const std::filesystem::path& path, int why) {
  throw Failure(Errc::io, path.string() + ": the trace cannot be written" +
                              (why ? ": " + std::string(std::strerror(why)) : ""));
}

struct Written {
  std::uint64_t bytes = 0;  ///< whole lines of a trace; 0 where there is none
  int version = 2;
};

Written written(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  Written whole;
  for (bool first = true; std::getline(file, text); first = false) {
    if (file.eof()) break;  // without its end of line
    if (first) {
      try {
        whole.version = check_header(text);
      } catch (const Failure& failure) {
        throw Failure(Errc::conflict, path.string() + " is no trace, so none is written to it (" +
                                          failure.error().context + "); name another file");
      }
    }
    whole.bytes += text.size() + 1;
  }
  if (whole.bytes == 0 && !text.empty() && !kHeader.starts_with(text))
    throw Failure(Errc::conflict,
                  path.string() + " is no trace, so none is written to it; name another file");
  return whole;
}

}  // namespace

void TraceWriter::check() const {
  if (std::error_code failed; std::filesystem::exists(path_, failed)) written(path_);
}

void TraceWriter::open() {
  std::error_code failed;
  bytes_ = 0;
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), failed);
  if (failed) cannot_write(path_, failed.value());
  if (std::filesystem::exists(path_, failed)) {
    const Written before = written(path_);
    bytes_ = before.bytes;
    std::filesystem::resize_file(path_, bytes_, failed);
    if (before.version == 1) keep_version_1(path_), bytes_ = 0;
  }
  file_.clear();
  if (failed) cannot_write(path_, failed.value());
  errno = 0;
  file_.open(path_, std::ios::binary | std::ios::app);
  if (!file_) cannot_write(path_, errno);
  if (bytes_ > 0) return;
  file_ << kHeader << std::flush;
  bytes_ = kHeader.size();
}

void TraceWriter::write(const RecordedRequest& request) { append(line_of(request)); }

void TraceWriter::write_truth(std::uint64_t id, const std::string& label) {
  append(json::serialize(json::object{{"id", id}, {"truth", label}}) + "\n");
}

void TraceWriter::append(const std::string& line) {
  if (!file_.is_open()) open();
  if (bytes_ > kHeader.size() && bytes_ + line.size() > limit_) {
    file_.close();
    rename(path_, path_.string() + ".1");
    open();
  }
  errno = 0;
  file_ << line << std::flush;
  bytes_ += line.size();
  if (file_) return;
  const int why = errno;
  file_.close();
  cannot_write(path_, why);
}

}  // namespace dormouse::hrm
