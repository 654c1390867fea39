#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <iostream>
#include <optional>
#include <span>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"
#include "engine/formats/csv.h"
#include "engine/formats/wav.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"file", "FILE", "read the samples from here, not from standard input"},
    {"follow", "", "push nothing, print the answers to whoever pushes"},
    {"save", "", "push nothing, keep the stream's state on disk now"},
    {"reset", "", "push nothing, let the model of the stream begin anew: the next sample is the first"}};
constexpr std::int64_t kRowsAtOnce = 1024;

/// Standard input in pieces, so that a live source is pushed as it comes: CSV by whole lines, a WAV file as
/// one.
class Samples {
 public:
  /// The next rows [rows, channels]; nothing at the end.
  std::optional<engine::Tensor> next() {
    while (!ended_) {
      read_more();
      if (wav()) continue;  // until its end
      const auto lines = ended_ ? text_.size() : text_.rfind('\n') + 1;
      if (text_.substr(0, lines).find_first_not_of(" \r\n") == text_.npos) continue;
      const std::string taken = text_.substr(0, lines);
      text_.erase(0, lines);
      return engine::parse_csv(taken, "standard input").rows;
    }
    if (!wav()) return std::nullopt;
    const std::string taken = std::exchange(text_, {});
    return engine::parse_wav(std::as_bytes(std::span(taken)), "standard input").frames;
  }

 private:
  bool wav() const { return text_.starts_with("RIFF"); }
  void read_more() {
    std::array<char, 65536> piece;
    const auto size = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) ended_ = true;
    text_.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }

  std::string text_;
  bool ended_ = false;
};

/// An event of a stream that finds its own anomalies.
void show_anomaly(const boost::json::value& event) {
  std::cout << "anomaly in row " << cell(event, "row") << "  " << cell(event, "aspect") << " of channel "
            << cell(event, "channel") << "  score " << cell(event, "score") << "  p "
            << cell(event, "p_value") << "  episode " << cell(event, "episode");
  for (const boost::json::value& past : event.at("like").as_array()) {
    const auto* label = past.as_object().if_contains("label");
    std::cout << "\n    like " << cell(past, "episode") << " (" << (label ? cell(*label) + ", " : "")
              << cell(past, "aspect") << ", " << cell(past, "time") << ", " << cell(past, "distance")
              << " apart)";
  }
  std::cout << std::endl;
}

/// The answer to one sample, of a model with a state.
void show_sample(const boost::json::value& answer) {
  std::cout << "row " << cell(answer, "row");
  if (const auto* values = answer.as_object().if_contains("values"))
    for (const boost::json::value& value : values->as_array()) std::cout << "  " << cell(value);
  else
    std::cout << "  " << cell(answer, "label") << "  " << cell(answer, "confidence");
  std::cout << std::endl;
}

void show(const boost::json::value& answer, bool json) {
  if (json) {
    std::cout << boost::json::serialize(answer) << std::endl;
    return;
  }
  if (answer.as_object().contains("aspect")) {
    show_anomaly(answer);
    return;
  }
  if (answer.as_object().contains("row")) {
    show_sample(answer);
    return;
  }
  std::cout << cell(answer, "label") << "  " << cell(answer, "confidence") << "  " << cell(answer, "route")
            << (answer.as_object().contains("provisional") ? " (provisional)" : "") << "  episode "
            << cell(answer, "episode");
  const boost::json::value* news = answer.as_object().if_contains("stream_novelty");
  if (news && news->at("alarm").as_bool())
    std::cout << "  unusual: " << cell(*news, "aspect") << " of channel " << cell(*news, "channel")
              << " in row " << cell(*news, "row") << ", strength " << cell(*news, "strength");
  std::cout << std::endl;
}

/// Pushes rows and prints the answers to the windows that they complete.
void push(HttpClient& client, const std::string& target, std::span<const std::byte> rows, bool json) {
  const Call call{.method = "POST",
                  .target = target,
                  .body = {reinterpret_cast<const char*>(rows.data()), rows.size()},
                  .content_type = "application/octet-stream"};
  const boost::json::value reply = ask(client, call);
  for (const boost::json::value& answer : reply.at("answers").as_array()) show(answer, json);
}

void push_all(HttpClient& client, const std::string& target, const engine::Tensor& samples, bool json) {
  for (std::int64_t first = 0; first < samples.shape()[0]; first += kRowsAtOnce) {
    const auto count = std::min(kRowsAtOnce, samples.shape()[0] - first);
    push(client, target + "?wait=1", samples.rows(first, count).bytes(), json);
  }
}

int follow(const Arguments& arguments, const std::string& target) {
  HttpClient client(arguments.socket());
  const auto take = [&](const HttpClient::Event& event) {
    if (arguments.json()) {
      std::cout << event.data << std::endl;
    } else {
      show(parse_json(event.data), false);
    }
    return true;
  };
  const HttpClient::Listener listener{.take = take, .opened = {}, .silent = [] { return true; }};
  const auto refused = client.events(get(target + "/answers"), listener);
  if (refused) throw_refusal(*refused);
  return kOk;
}

/// "save" or "reset".
int command(const Arguments& arguments, const std::string& target, const std::string& what) {
  HttpClient client(arguments.socket());
  const std::string reply = ask_text(client, post(target + "/" + what, ""));
  const std::string rows = cell(parse_json(reply), "saved");
  if (arguments.json())
    std::cout << reply << "\n";
  else if (what == "save")
    std::cout << "on disk: the state after " << rows << " samples\n";
  else
    std::cout << "the next sample is number " << rows << "\n";
  return kOk;
}

int run(const Arguments& arguments) {
  const std::string target = "/v1/streams/" + percent_encode(arguments.positional(0, "NAME"));
  const bool followed = arguments.flag("follow"), save = arguments.flag("save"),
             reset = arguments.flag("reset");
  if (followed + save + reset + arguments.value("file").has_value() > 1)
    throw UsageError{"one of --file, --follow, --save and --reset at a time"};
  if (followed) return follow(arguments, target);
  if (save || reset) return command(arguments, target, save ? "save" : "reset");
  HttpClient client(arguments.socket());
  if (const auto file = arguments.value("file")) {
    push_all(client, target, read_input_file(*file).as(engine::DType::f32), arguments.json());
  } else {
    Samples samples;
    while (const auto rows = samples.next()) push_all(client, target, *rows, arguments.json());
  }
  push(client, target + "?wait=1&end=1", {}, arguments.json());
  return kOk;
}

}  // namespace

extern const Verb stream_verb{.name = "stream",
                              .group = "use",
                              .summary = "push samples (CSV or WAV) into a stream and print its answers",
                              .arguments = "NAME (< samples.csv | --file FILE | --follow | --save | --reset)",
                              .words = 1,
                              .example = "dormouse stream digits < recording.wav",
                              .options = kOptions,
                              .run = run};

}  // namespace dormouse::daemon
