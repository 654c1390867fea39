#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "daemon/routes/json_fields.h"
#include "daemon/routes/routes.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kOffered = 10;
constexpr std::size_t kMostOffered = 100;
constexpr std::size_t kLikeliest = 9;  // one a digit key

json::array likeliest(const std::vector<float>& probabilities, const std::vector<std::string>& labels) {
  std::vector<std::size_t> order(probabilities.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return probabilities[i]; });
  order.resize(std::min(kLikeliest, order.size()));
  json::array list;
  for (const std::size_t i : order)
    list.push_back({{"label", labels.at(i)}, {"probability", rounded(probabilities[i])}});
  return list;
}

json::object question_json(const Question& question, const std::vector<std::string>& labels) {
  json::object object{{"episode", describe(question.episode)},
                      {"score", (question.uncertainty + question.novelty) / 2},
                      {"uncertainty", question.uncertainty},
                      {"novelty", question.novelty},
                      {"likeliest", likeliest(question.probabilities, labels)},
                      {"alike", json::value_from(question.alike)}};
  if (question.clip) object["clip"] = describe(*question.clip);
  return object;
}

asio::awaitable<Response> review(Service& service, Request request) {
  const std::string* named = request.parameter("model");
  const std::string name = named ? *named : service.default_model();
  service.learning_model(name);
  const std::string* count = request.parameter("n");
  const auto n = std::clamp<std::size_t>(count ? id_text(*count, "n") : kOffered, 1, kMostOffered);
  auto work = [&service, name, n] {
    const Learner& learner = service.learner(name);
    const Review found = learner.review(n);
    json::array questions;
    for (const Question& question : found.questions)
      questions.push_back(question_json(question, learner.labels()));
    return json::serialize(json::object{{"model", name},
                                        {"unlabelled", found.unlabelled},
                                        {"uncertain", found.uncertain},
                                        {"worthwhile", found.worthwhile},
                                        {"advice", found.advice},
                                        {"questions", std::move(questions)}});
  };
  co_return json_response(co_await run_on(service.storage(), std::move(work)));
}

}  // namespace

void add_review_routes(Router& router, Service& service) {
  router.add(Method::get, "/v1/review",
             [&service](Request request) { return review(service, std::move(request)); });
}

}  // namespace dormouse::daemon
