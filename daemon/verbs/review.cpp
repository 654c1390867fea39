#include <termios.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/draw.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

constexpr Option kOptions[] = {{"n", "N", "how many at most (10)"}};
constexpr std::size_t kColumns = 64;

/// Keys come one by one, without Enter, while this lives and stdin is a terminal.
class SingleKeys {
 public:
  SingleKeys() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON);
    raw_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~SingleKeys() {
    if (raw_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  SingleKeys(const SingleKeys&) = delete;
  SingleKeys& operator=(const SingleKeys&) = delete;

 private:
  termios before_{};
  bool raw_ = false;
};

/// The next key that is no space; 'q' at the end of input.
char read_key() {
  const SingleKeys keys;
  char key = 'q';
  if (!(std::cin >> key)) return 'q';
  return key;
}

std::string read_label() {
  std::cout << "\nlabel: " << std::flush;
  std::string label;
  std::getline(std::cin >> std::ws, label);
  return label;
}

void show(const json::value& question, std::size_t place, std::size_t count) {
  const json::value& episode = question.at("episode");
  const std::size_t alike = question.at("alike").as_array().size();
  std::cout << "\n"
            << paint(Tone::strong, std::to_string(place) + " of " + std::to_string(count)) << "  episode "
            << cell(episode, "id") << "  " << cell(episode, "time") << "  answered '"
            << cell(episode, "prediction") << "'  uncertainty " << cell(question, "uncertainty")
            << "  novelty " << cell(question, "novelty");
  if (alike > 0) std::cout << "  and " << alike << " like it";
  std::cout << "\n";
  const json::value* clip = question.as_object().if_contains("clip");
  std::cout << (clip ? draw(json::value_to<std::vector<std::int64_t>>(clip->at("shape")),
                            json::value_to<std::vector<float>>(clip->at("data")), kColumns, in_colour())
                     : "(its raw input was not kept)\n");
  std::size_t key = 0;
  for (const json::value& option : question.at("likeliest").as_array())
    std::cout << paint(Tone::strong, std::to_string(++key)) << " " << cell(option, "label") << " "
              << paint(Tone::faint, cell(option, "probability")) << "   ";
  std::cout << "n another label   s skip   q quit\n> " << std::flush;
}

/// The label that a person gives: nothing to skip. `quit` is set when it is enough.
std::optional<std::string> ask_label(const json::value& question, bool& quit) {
  const json::array& options = question.at("likeliest").as_array();
  while (true) {
    const char key = read_key();
    const auto digit = static_cast<std::size_t>(key - '1');
    if (key == 'q') return quit = true, std::nullopt;
    if (key == 's') return std::nullopt;
    if (key >= '1' && key <= '9' && digit < options.size()) return cell(options[digit], "label");
    if (key == 'n') {
      if (std::string label = read_label(); !label.empty()) return label;
    }
    std::cout << "\npress 1 to " << options.size() << ", n, s or q > " << std::flush;
  }
}

class Reviewer {
 public:
  Reviewer(HttpClient& client, const std::string& model)
      : client_(client), target_("/v1/models/" + percent_encode(model) + "/feedback") {}

  /// False when the person has had enough.
  bool answer(const json::value& question) {
    bool quit = false;
    const auto label = ask_label(question, quit);
    std::cout << "\n";
    if (!label) return !quit;
    teach(question.at("episode").at("id"), *label);
    const json::array& alike = question.at("alike").as_array();
    if (alike.empty()) return true;
    std::cout << "the " << alike.size() << " like it as '" << *label << "', too? y/n > " << std::flush;
    if (read_key() == 'y')
      for (const json::value& id : alike) teach(id, *label);
    std::cout << "\n";
    return true;
  }
  std::size_t taught() const { return taught_; }

 private:
  void teach(const json::value& id, const std::string& label) {
    const std::string body = json::serialize(json::object{{"episode", id}, {"label", label}});
    ask_text(client_, post(target_, body));
    ++taught_;
  }

  HttpClient& client_;
  std::string target_;
  std::size_t taught_ = 0;
};

int run(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  std::string target = "/v1/review?n=" + std::to_string(arguments.integer("n").value_or(10));
  if (!arguments.positional().empty()) target += "&model=" + percent_encode(arguments.positional()[0]);
  const std::string reply = ask_text(client, get(target));
  if (arguments.json()) return std::cout << reply << "\n", kOk;
  const json::value review = parse_json(reply);
  const json::array& questions = review.at("questions").as_array();
  if (const std::string advice = cell(review, "advice"); !advice.empty()) std::cout << advice << "\n";
  Reviewer reviewer(client, cell(review, "model"));
  for (std::size_t i = 0; i < questions.size(); ++i) {
    show(questions[i], i + 1, questions.size());
    if (!reviewer.answer(questions[i])) break;
  }
  if (!questions.empty()) std::cout << reviewer.taught() << " episodes labelled\n";
  return kOk;
}

}  // namespace

extern const Verb review_verb{.name = "review",
                              .group = "use",
                              .summary = "label the few episodes that matter most, by one key each",
                              .arguments = "[MODEL]",
                              .words = 1,
                              .example = "dormouse review digits --n 5",
                              .options = kOptions,
                              .run = run};

}  // namespace dormouse::daemon
