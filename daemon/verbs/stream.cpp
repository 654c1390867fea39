#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/object.hpp>
#include <cerrno>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"
#include "engine/formats/csv.h"
#include "engine/formats/wav.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {{"file", "FILE", "read the samples from here, not from standard input"},
                               {"wait", "MS", "how long to wait for the last answers (1000)"}};
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

/// Prints a stream's answers as they come, on its own connection and thread.
class Answers {
 public:
  Answers(const Arguments& arguments, std::string target)
      : json_(arguments.json()),
        client_(arguments.socket(), std::chrono::milliseconds(arguments.integer("wait").value_or(1000))),
        thread_([this, call = get(std::move(target))] { listen(call); }) {}
  /// Waits for the last answers: until silence.
  ~Answers() {
    sent_ = true;
    thread_.join();
  }

  /// Returns once no answer can be missed any more. Throws when the daemon refuses.
  void wait_until_open() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ || failure_; });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void listen(const Call& call) {
    const HttpClient::Listener listener{.take = [this](const auto& event) { return show(event), true; },
                                        .opened = [this] { finish(nullptr); },
                                        .silent = [this] { return !sent_; }};
    try {
      const auto refused = client_.events(call, listener);
      if (refused) throw_refusal(*refused);
    } catch (...) {
      finish(std::current_exception());
    }
  }

  void finish(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    open_ = failure == nullptr;
    failure_ = failure;
    changed_.notify_all();
  }

  void show(const HttpClient::Event& event) {
    if (json_) {
      std::cout << event.data << std::endl;
      return;
    }
    const boost::json::value answer = parse_json(event.data);
    std::cout << cell(answer, "label") << "  " << cell(answer, "confidence") << "  " << cell(answer, "route")
              << "  episode " << cell(answer, "episode") << std::endl;
  }

  bool json_;
  HttpClient client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::atomic<bool> sent_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

struct Pushed {
  std::int64_t accepted = 0;
  std::int64_t dropped = 0;
};

void push(HttpClient& client, const std::string& target, const engine::Tensor& samples, Pushed& total) {
  for (std::int64_t first = 0; first < samples.shape()[0]; first += kRowsAtOnce) {
    const engine::Tensor rows = samples.rows(first, std::min(kRowsAtOnce, samples.shape()[0] - first));
    const Call call{.method = "POST",
                    .target = target,
                    .body = {reinterpret_cast<const char*>(rows.data()), rows.byte_size()},
                    .content_type = "application/octet-stream"};
    const boost::json::value reply = ask(client, call);
    total.accepted += reply.at("accepted").to_number<std::int64_t>();
    total.dropped += reply.at("dropped").to_number<std::int64_t>();
  }
}

void push_all(const Arguments& arguments, const std::string& target, Pushed& total) {
  HttpClient client(arguments.socket());
  if (const auto file = arguments.value("file")) {
    push(client, target, read_input_file(*file).as(engine::DType::f32), total);
    return;
  }
  Samples samples;
  while (const auto rows = samples.next()) push(client, target, *rows, total);
}

int run(const Arguments& arguments) {
  const std::string target = "/v1/streams/" + percent_encode(arguments.positional(0, "NAME"));
  Pushed pushed;
  {
    Answers answers(arguments, target + "/answers");
    answers.wait_until_open();
    push_all(arguments, target, pushed);
  }
  if (!arguments.json()) std::cerr << pushed.accepted << " samples, " << pushed.dropped << " dropped\n";
  return pushed.dropped == 0 ? kOk : kDegraded;
}

}  // namespace

extern const Verb stream_verb{.name = "stream",
                              .group = "use",
                              .summary = "push samples (CSV or WAV) into a stream and print its answers",
                              .arguments = "NAME < samples.csv",
                              .example = "dormouse stream digits < recording.wav",
                              .options = kOptions,
                              .run = run};

}  // namespace dormouse::daemon
