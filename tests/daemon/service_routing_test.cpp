#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <list>

#include "daemon/service/describe.h"
#include "daemon/service/routing_file.h"
#include "hrm/trace.h"
#include "learning/files.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using Catch::Contains;

/// A model "colours" with the planner "sage", and a gate that every request teaches.
struct Advised {
  Advised() {
    model.write(folder.file(""), "colours");
    model.write(folder.file(""), "sage", 24);
    options = small_options(folder);
    ModelOptions sage = options.models[0];
    sage.name = "sage";
    sage.path = folder.file("sage.onnx");
    sage.seed = folder.file("sage.seed.safetensors");
    options.models.push_back(sage);
    options.models[0].planner = "sage";
    options.hrm.router.accept = 0.01f;
    options.hrm.target_error = 0.2;
    options.hrm.delta = 0.1;
    options.hrm.audit = 1;
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  /// `rows` examples of what the model knows; never the same twice.
  engine::Tensor crowd(std::size_t rows) {
    std::vector<float> values;
    for (std::size_t i = 0; i < rows; ++i) {
      const engine::Tensor one = model.example(SmallModel::known()[i % 3], ++shown);
      values.insert(values.end(), one.values<float>().begin(), one.values<float>().end());
    }
    return engine::Tensor::from<float>({static_cast<std::int64_t>(rows), SmallModel::kWidth}, values);
  }
  /// Asks in batches and audits behind each.
  void live(std::size_t rows) {
    for (std::size_t done = 0; done < rows; done += 50) {
      running->ask(crowd(std::min<std::size_t>(50, rows - done)));
      audit();
    }
  }
  void audit() { running->wait(running->service().routing().audit()); }
  /// Lets nobody else compute with this model, which one request at a time may, until let_go().
  void hold(const std::string& name) {
    const auto take = [&]() -> boost::asio::awaitable<void> {
      auto mine = running->service().turn(name, Urgency());
      turn.emplace(co_await std::move(mine));
    };
    running->wait(take());
  }
  void let_go() {
    running->on_io([this] { turn.reset(); });
  }
  json::object router() {
    return running->on_io([this] {
      const Service& service = running->service();
      return *service.routing().status(service.models().at("colours"));
    });
  }
  std::string rule() { return std::string(router().at("rule").as_string()); }
  std::string state() const { return folder.file("state/router/colours.gate"); }

  TemporaryFolder folder;
  SmallModel model{41};
  Options options;
  std::uint64_t shown = 0;
  std::optional<RunningService> running;
  std::optional<InferenceQueue::Turn> turn;
};

std::uint64_t number(const json::value& value) { return value.to_number<std::uint64_t>(); }

}  // namespace

TEST_CASE("audits certify a gate, whose score decides from then on", "[routing]") {
  Advised device;
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  device.live(100);
  CHECK(device.rule() == "fixed");
  CHECK(number(device.router().at("next").at("audits")) == 100);
  device.live(100);
  const json::object router = device.router();
  CHECK(router.at("rule") == "certified");
  CHECK(router.at("certified").as_bool());
  CHECK(router.at("bound").to_number<double>() <= 0.2);
  constexpr std::uint64_t kLessons = 160;  // which certify nothing
  CHECK(number(router.at("certificate").at("audits")) > 0);
  CHECK(number(router.at("certificate").at("audits")) <= 200 - kLessons);
  CHECK(number(router.at("audits").at("counted")) == 200);
  CHECK(number(router.at("audits").at("waiting")) == 0);
  CHECK(router.at("saved").to_number<double>() <= 1);
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: router") && Contains("\"certified\""));
  const Answered sure = device.running->ask(device.model.example("red", 1));
  const RowAnswer& answer = sure.result.rows[0];
  CHECK(answer.rule == hrm::Judge::Rule::certified);
  CHECK(answer.decision.route == (answer.score >= answer.threshold ? hrm::Route::low : hrm::Route::high));
  CHECK_THAT(answer.decision.why.sentence, Contains("certified gate"));
}

TEST_CASE("why shows signals, what decided, and what an audit found", "[routing]") {
  Advised device;
  device.start();
  const auto id = device.running->ask(device.crowd(1)).ids.at(0);
  const auto why = [&] { return parsed(device.running->get("/v1/why/" + std::to_string(id))); };
  CHECK(why().at("audit") == "waits");
  device.audit();
  CHECK(why().at("audit").at("high") == "red");
  CHECK(why().at("audit").at("agreed").as_bool());
  CHECK(why().at("gate").at("rule") == "fixed");
  CHECK(why().at("signals").as_object().size() == hrm::kSignals.size());
  CHECK(why().at("signals").at("confidence").to_number<float>() == why().at("confidence").to_number<float>());
  device.live(250);
  const auto later = device.running->ask(device.crowd(1)).ids.at(0);
  const auto told = parsed(device.running->get("/v1/why/" + std::to_string(later)));
  CHECK(told.at("gate").at("score").to_number<double>() > 0);
  CHECK(told.at("gate").at("threshold").to_number<double>() > 0);
  CHECK(told.at("gate").at("historic_error").to_number<double>() < 0.5);
}

TEST_CASE("a planner says what the model has no word for", "[routing]") {
  Advised device;
  device.options.hrm.router.accept = 1;
  device.options.hrm.target_error.reset();
  device.start();
  for (std::uint64_t i = 0; i < 20; ++i)
    device.running->teach(device.model.example("grey", i), "grey", "sage");
  const engine::Tensor grey = device.model.example("grey", 100);
  const Answered known = device.running->ask(device.model.example("red", 100));
  const Answered answered = device.running->ask(grey);
  const RowAnswer& answer = answered.result.rows[0];
  CHECK(answer.decision.route == hrm::Route::high);
  CHECK(answered.labels().at(answer.decision.predicted) == "grey");
  CHECK(answered.labels().size() == 4);
  CHECK(answered.result.probabilities().shape() == engine::Shape{1, 4});
  CHECK(known.result.probabilities().shape() == engine::Shape{1, 4});
  CHECK(device.running->probabilities(device.crowd(2)).size() == 8);
  const auto why = [&] { return parsed(device.running->get("/v1/why/" + std::to_string(answered.ids[0]))); };
  CHECK(why().at("answer") == "grey");
  device.running->teach(device.model.example("pink", 1), "pink");  // takes the number that "grey" had
  CHECK(why().at("answer") == "grey");
  CHECK(why().at("paths").at("high").as_array().at(0).at("label") == "grey");
}

TEST_CASE("what the model has no word for is an error of its own in an audit", "[routing]") {
  Advised device;
  device.options.hrm.router.accept = 0;
  device.start();
  for (std::uint64_t i = 0; i < 20; ++i)
    device.running->teach(device.model.example("grey", i), "grey", "sage");
  const auto id = device.running->ask(device.model.example("grey", 100)).ids.at(0);
  device.audit();
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(id)));
  CHECK(why.at("answer") != "grey");
  CHECK(why.at("audit").at("high") == "grey");
  CHECK_FALSE(why.at("audit").at("agreed").as_bool());
}

TEST_CASE("an alarm sends everything to the planner, until audits since certify a gate anew", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  REQUIRE(device.rule() == "certified");
  device.running.reset();
  SmallModel(77).write(device.folder.file(""), "sage", 24);  // from now on it thinks otherwise
  device.start();
  CHECK(device.rule() == "certified");  // after a restart
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  device.live(50);
  const json::object router = device.router();
  CHECK(router.at("rule") == "strict");
  CHECK_FALSE(router.at("certified").as_bool());
  CHECK(number(router.at("alarms")) == 1);
  CHECK(number(router.at("next").at("audits")) < 50);
  CHECK_THAT(*device.running->wait(listener->next(std::chrono::minutes(1))), Contains("\"alarm\""));
  const Answered answered =
      device.running->wait(device.running->service().infer("colours", {device.crowd(12)}, true));
  std::size_t corrected = 0;
  for (std::size_t row = 0; row < answered.ids.size(); ++row) {
    const RowAnswer& answer = answered.result.rows[row];
    CHECK(answer.decision.route == hrm::Route::high);
    CHECK(answer.rule == hrm::Judge::Rule::strict);
    if (answer.novelty >= Service::kNovel) continue;
    const bool differs = answer.decision.predicted != answer.executor.predicted;
    corrected += differs;
    const auto episode = device.running->on_storage([&] {
      device.running->service().store().flush();
      return device.running->service().store().find(answered.ids[row]);
    });
    CHECK(episode.has_value() == differs);  // what the planner corrected is remembered, sure as it is
  }
  CHECK(corrected > 0);
  listener.reset();  // it does not outlive what it listens to
  SmallModel(41).write(device.folder.file(""), "sage", 24);
  device.start();
  CHECK(device.rule() == "strict");
  for (int i = 0; i < 20 && device.rule() == "strict"; ++i) device.live(100);
  CHECK(device.rule() == "certified");
}

TEST_CASE("a gate survives a restart, and damage to its file is noticed", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  const json::object before = device.router();
  REQUIRE(before.at("rule") == "certified");
  device.start();
  json::object after = device.router();
  for (const char* same : {"rule", "bound", "threshold", "certificate", "next"})
    CHECK(after.at(same) == before.at(same));
  device.running.reset();
  std::fstream file(device.state(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(200);
  file.put('x');
  file.close();
  device.start();
  CHECK(device.rule() == "fixed");
  CHECK(std::filesystem::exists(device.state() + ".bad"));
}

TEST_CASE("a gate from before planners' labels were written down is still good", "[routing]") {
  TemporaryFolder folder;
  const std::string file = folder.file("colours.gate"), numbers = "3 4 5 ";
  const std::string body = numbers + "\nwhat it learnt";
  std::ofstream(file) << "dormouse-gate 1\n"
                      << learning::sha256(std::as_bytes(std::span(body))) << "\n"
                      << body;
  auto saved = read_gate(file);
  REQUIRE(saved);
  CHECK(saved->models == RoutedModels{3, 4, 5, 5});
  saved->models.planner_labels = 6;
  write_gate(file, *saved);
  CHECK(read_gate(file)->models == RoutedModels{3, 4, 5, 6});
  CHECK(read_gate(file)->gate == "what it learnt");
}

TEST_CASE("a new class or another version ends what was certified", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  REQUIRE(device.rule() == "certified");
  device.running->teach(device.model.example("red", 7), "red");
  device.running->ask(device.crowd(1));
  CHECK(device.rule() == "certified");
  const bool planner = GENERATE(false, true);
  device.running->teach(device.model.example("grey", 1), "grey", planner ? "sage" : "colours");
  device.running->ask(device.crowd(1));
  CHECK(device.rule() == "fixed");
  CHECK(device.router().at("next").at("stage") == "learning");
}

TEST_CASE("feedback is no audit, and routing is reset by the admin", "[routing]") {
  Advised device;
  device.options.hrm.audit = 0.001;
  device.start();
  device.running->on_io([&] { device.running->service().routing().seed(1); });
  for (std::uint64_t i = 0; i < 5; ++i) device.running->teach(device.model.example("red", i), "red");
  device.audit();
  CHECK(number(device.router().at("audits").at("counted")) == 0);
  CHECK(device.running->post("/v1/models/colours/router/reset", "{}").status == 403);
  CHECK(device.running->admin("/v1/models/colours/router/reset", "{}").status == 200);
  CHECK(device.running->admin("/v1/models/sage/router/reset", "{}").status == 409);
  CHECK(device.running->admin("/v1/models/nobody/router/reset", "{}").status == 404);
  device.options.hrm.audit = 1;
  device.start();
  device.live(250);
  REQUIRE(device.rule() == "certified");
  CHECK(device.running->admin("/v1/models/colours/router/reset", "{}").status == 200);
  CHECK(device.rule() == "fixed");
  CHECK(number(device.router().at("audits").at("counted")) == 0);
  device.start();
  CHECK(device.rule() == "fixed");
}

TEST_CASE("what is audited is drawn by lot, and no more of it waits than there is room for", "[routing]") {
  INFO("seed 3");
  Advised device;
  device.options.hrm.audit = 0.25;
  device.start();
  device.running->on_io([&] { device.running->service().routing().seed(3); });
  device.running->ask(device.crowd(400));
  const std::uint64_t waiting = number(device.router().at("audits").at("waiting"));
  CHECK(waiting > 70);
  CHECK(waiting < 130);
  device.audit();
  CHECK(number(device.router().at("audits").at("counted")) == waiting);
  device.options.hrm.audit = 1;
  device.start();
  device.running->ask(device.crowd(300));
  CHECK(number(device.router().at("audits").at("waiting")) == 256);
  CHECK(number(device.router().at("audits").at("skipped")) == 44);
}

TEST_CASE("what was drawn is forgotten with its episode", "[routing]") {
  Advised device;
  device.start();
  const auto id = device.running->ask(device.crowd(1)).ids.at(0);
  memory::Selection selection;
  selection.model = "colours";
  selection.ids = {id};
  device.running->wait(device.running->service().forget(selection, false));
  CHECK(number(device.router().at("audits").at("waiting")) == 0);
}

TEST_CASE("so is an audit that waits for its turn", "[routing]") {
  Advised device;
  device.options.models[1].concurrency = 1;
  device.start();
  const auto id = device.running->ask(device.crowd(1)).ids.at(0);
  Service& service = device.running->service();
  device.hold("sage");
  auto audit = device.running->begin(service.routing().audit());
  device.running->wait(service.forget({.model = "colours", .ids = std::vector{id}}, false));
  device.let_go();
  audit.get();
  CHECK(number(device.router().at("audits").at("waiting")) == 0);
  CHECK(number(device.router().at("audits").at("counted")) == 0);
}

TEST_CASE("what models answered that are no longer in service is no audit of those that are", "[routing]") {
  Advised device;
  device.options.models[0].concurrency = 1;
  device.start();
  Service& service = device.running->service();
  device.hold("colours");
  auto before = device.running->begin(service.infer("colours", {device.crowd(1)}, false));
  device.running->teach(device.model.example("grey", 1), "grey", "sage");
  auto after = device.running->begin(service.infer("colours", {device.crowd(1)}, false));
  device.let_go();
  const auto old = before.get().ids.at(0), fresh = after.get().ids.at(0);
  CHECK_FALSE(device.running->on_io([&] { return service.routing().awaits(old); }));
  CHECK(device.running->on_io([&] { return service.routing().awaits(fresh); }));
}

TEST_CASE("a daemon does not start where its audits cannot be recorded", "[routing]") {
  Advised device;
  const std::string traces = device.folder.file("traces");
  device.options.hrm.trace = traces;
  const auto refused = [&](const std::string& why) {
    try {
      device.start();
      FAIL("it started");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == Errc::configuration);
      CHECK_THAT(failure.error().context, Contains(traces + "/colours.jsonl") && Contains(why));
    }
  };
  std::ofstream(traces) << "a file";
  refused("Not a directory");
  std::filesystem::remove(traces);
  std::filesystem::create_directories(traces + "/colours.jsonl");
  refused("Is a directory");
  std::filesystem::remove(traces + "/colours.jsonl");
  std::ofstream(traces + "/colours.jsonl") << "other text\n";
  refused("is no trace");
}

TEST_CASE("that audits are not recorded is said once, and that they are again", "[routing]") {
  Advised device;
  const std::string traces = device.folder.file("traces"), errors = device.folder.file("errors");
  device.options.hrm.target_error.reset();
  device.options.hrm.trace = traces;
  device.options.hrm.trace_limit = {300};  // so that each line begins a file
  device.start();
  const auto lines_with = [&](const std::string& words) {
    std::ifstream file(errors);
    std::string line;
    int lines = 0;
    while (std::getline(file, line)) lines += line.find(words) != std::string::npos;
    return lines;
  };
  const auto live = [&] {
    device.live(5);
    device.running->on_storage([] {});
  };
  live();
  const int terminal = ::dup(STDERR_FILENO), file = ::open(errors.c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(file, STDERR_FILENO);
  std::filesystem::remove_all(traces);
  std::ofstream(traces) << "a file";
  live();
  live();
  std::filesystem::remove(traces);
  live();
  ::dup2(terminal, STDERR_FILENO);
  ::close(terminal);
  ::close(file);
  CHECK(lines_with("are not recorded") == 1);
  CHECK(lines_with("Not a directory") == 1);
  CHECK(lines_with("are recorded again") == 1);
}

TEST_CASE("audits are recorded as a trace that can be replayed", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.trace = device.folder.file("traces");
  device.start();
  device.live(60);
  CHECK(device.rule() == "fixed");
  device.running->on_storage([] {});
  const auto read = [&] {
    std::ifstream lines(device.folder.file("traces/colours.jsonl"));
    return hrm::read_trace(lines, "colours.jsonl");
  };
  const hrm::Trace trace = read();
  CHECK(trace.requests.size() == 60);
  CHECK(trace.truths == 0);
  CHECK(std::ranges::all_of(trace.requests, [](const hrm::TracedRequest& request) {
    return request.signals[hrm::kConfidence] > 0 && request.low_us > 0 && request.high_us > 0;
  }));
  CHECK_NOTHROW(hrm::replay(trace.requests, {.promise = {.target_error = 0.2}, .audits = 20, .splits = 5}));
  const auto id = device.running->ask(device.crowd(1)).ids.at(0);
  device.running->wait(device.running->service().teach("colours", id, "blue"));  // before it is audited
  device.audit();
  device.running->on_storage([] {});
  const hrm::Trace told = read();
  REQUIRE(told.requests.size() == 61);
  CHECK(told.truths == 1);
  CHECK_FALSE(told.requests[60].low_right);
  CHECK_FALSE(told.requests[60].high_right);
}

TEST_CASE("an answer that nothing makes sure of becomes a set of labels, where that is allowed",
          "[routing]") {
  Device device(41);
  device.options.hrm.router.accept = 1;
  device.options.hrm.abstain = 0.1;
  device.start();
  const Answered torn = device.running->ask(device.model.between());
  const RowAnswer& answer = torn.result.rows[0];
  CHECK(answer.decision.route == hrm::Route::abstain);
  CHECK(answer.set.size() >= 2);
  const Parameters parameters = describe_flat(torn);
  CHECK(std::get<std::string>(*parameters.find("dormouse_route")) == "abstain");
  CHECK_THAT(std::get<std::string>(*parameters.find("dormouse_set")),
             Contains(torn.labels()[answer.decision.predicted]) && Contains("|"));
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(torn.ids[0])));
  CHECK(why.at("set") == set_text(answer).c_str());
  const auto status = parsed(device.running->get("/v1/status")).at("models").at("colours").at("abstain");
  CHECK(status.at("miss").to_number<double>() == 0.1);
  CHECK(status.at("threshold").is_number());
  device.options.hrm.abstain.reset();
  device.start();
  CHECK(device.running->ask(device.model.between()).result.rows[0].set.empty());
}

TEST_CASE("sets miss no more of what memory never saw than promised", "[routing]") {
  Device device(41);
  device.options.hrm.router.accept = 1;
  device.options.hrm.abstain = 0.1;
  device.start();
  std::size_t missed = 0;
  constexpr std::size_t kEach = 200;
  for (std::size_t colour = 0; colour < 3; ++colour) {
    for (std::uint64_t i = 0; i < kEach; ++i) {
      const Answered one = device.running->ask(device.model.example(SmallModel::known()[colour], 5000 + i));
      const RowAnswer& answer = one.result.rows[0];
      const bool right = answer.set.empty() ? answer.decision.predicted == colour
                                            : std::ranges::find(answer.set, colour) != answer.set.end();
      missed += !right;
    }
  }
  CHECK(static_cast<double>(missed) / (3.0 * kEach) <= 0.13);
}

TEST_CASE("how complex an input was is told with its answer", "[routing]") {
  Device device(41);
  device.options.hrm.router.accept = 0.9f;
  device.start();
  const auto complexity = [&](engine::Tensor input) {
    const Answered answered = device.running->ask(std::move(input));
    const RowAnswer& answer = answered.result.rows[0];
    CHECK(answer.complexity == hrm::complexity_of(answer.executor.confidence, 0.9f));
    const auto why = parsed(device.running->get("/v1/why/" + std::to_string(answered.ids[0])));
    CHECK(why.at("complexity").as_string() == word(answer.complexity));
    return std::get<std::string>(*describe_flat(answered).find("dormouse_complexity"));
  };
  CHECK(complexity(device.model.example("red", 1)) == "low");
  CHECK(complexity(device.model.between()) == "medium");
  const Answered both = device.running->ask(device.model.probes(1));
  CHECK_THAT(std::get<std::string>(*describe_flat(both).find("dormouse_complexity")), Contains(","));
}

TEST_CASE("hybrid answers are mixed as held-out examples say, or as configured", "[routing]") {
  Device device(41);
  device.start();
  const auto blend = [&] {
    return device.running->on_io([&] {
      const auto& view = device.running->service().models().at("colours").served.held_out;
      REQUIRE(view);
      CHECK(view->set_scores.size() > 10);
      return view->blend;
    });
  };
  const hrm::Blend learnt = blend();
  device.options.hrm.router.accept = 1;
  device.start();
  CHECK(blend() == learnt);  // after a restart
  const auto used = [&] { return device.running->ask(device.model.between()).result.rows[0].decision.why; };
  if (used().route == hrm::Route::hybrid) CHECK(used().mixing == learnt.mixing);
  device.options.hrm.mixing = 0.35f;
  device.options.hrm.temperature = 0.3f;
  device.start();
  CHECK(used().mixing == 0.35f);
  CHECK(used().temperature == 0.3f);
}

TEST_CASE("metrics show what routing does", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  const std::string text = device.running->get("/metrics").body;
  for (const char* line :
       {"# TYPE dormouse_routing_audits_total counter",
        "dormouse_routing_audits_total{model=\"colours\"} 250",
        "dormouse_routing_answers_total{model=\"colours\",path=\"low\"} ",
        "dormouse_routing_certified{model=\"colours\"} 1",
        "dormouse_routing_error_bound{model=\"colours\"} 0.",
        "dormouse_routing_error_target{model=\"colours\"} 0.2", "dormouse_routing_compute_saved_ratio",
        "dormouse_routing_alarms_total{model=\"colours\"} 0", "# TYPE dormouse_routing_certified gauge"})
    CHECK_THAT(text, Contains(line));
}

TEST_CASE("an answer without time for the planner is provisional, and finished later", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.router.accept = 1;
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered answered = device.running->ask(device.model.between());
  const RowAnswer& answer = answered.result.rows[0];
  CHECK(answer.provisional);
  CHECK(answer.decision.route == hrm::Route::hybrid);
  const std::string id = std::to_string(answered.ids[0]);
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"episode\":" + id + ",") &&
                         Contains("\"route\":\"high\""));
  const auto why = parsed(device.running->get("/v1/why/" + id));
  CHECK(why.at("final").at("high").as_string().size() > 0);
  CHECK_THAT(std::string(why.at("sentence").as_string()), Contains("provisional"));
  CHECK(why.at("pressure").at("put_off") == "budget");
  CHECK(why.at("pressure").at("budget_left_us").to_number<double>() < 1);
  CHECK(number(device.router().at("put_off").at("budget")) == 1);
  const Parameters batch = describe_flat(device.running->ask(device.crowd(2)));
  REQUIRE(batch.find("dormouse_provisional"));
  CHECK(std::get<bool>(*batch.find("dormouse_provisional")));
  listener.reset();
  device.options.hrm.latency_budget = std::chrono::minutes(1);
  device.start();
  CHECK(device.running->ask(device.model.between()).result.rows[0].decision.route == hrm::Route::high);
}

TEST_CASE("a provisional answer that nobody finishes is told of", "[routing]") {
  Advised device;
  device.options.hrm.router.accept = 1;
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  device.running->on_io([&] { device.running->service().routing().stop(); });
  const auto id = std::to_string(device.running->ask(device.model.between()).ids.at(0));
  const auto event = device.running->wait(listener->next(std::chrono::seconds(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"model\":\"colours\"") &&
                         Contains("\"episodes\":[" + id + "],") &&
                         Contains("\"error\":\"the daemon stops\""));
  const auto why = parsed(device.running->get("/v1/why/" + id));
  CHECK(why.at("final").at("error") == "the daemon stops");
}

TEST_CASE("while too many wait the planner is put off, and finishes later", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.router.accept = 1;
  device.options.hrm.busy = 0;  // so many always wait
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered answered = device.running->ask(device.model.between());
  const RowAnswer& answer = answered.result.rows[0];
  CHECK(answer.provisional);
  CHECK(answer.pressure.put_off == PutOff::load);
  CHECK_THAT(answer.decision.why.sentence, Contains("too many requests wait"));
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"route\":\"high\""));
  CHECK(number(device.router().at("put_off").at("load")) == 1);
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(answered.ids[0])));
  CHECK(why.at("pressure").at("put_off") == "load");
  CHECK(why.at("pressure").as_object().if_contains("budget_left_us") == nullptr);
  listener.reset();
  device.options.hrm.busy = 1;
  device.start();
  CHECK_FALSE(device.running->ask(device.model.between()).result.rows[0].provisional);
}

TEST_CASE("a batch that waits is as busy as its rows", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.router.accept = 1;
  device.options.hrm.busy = 5;
  device.options.process.threads = 1;
  device.start();
  Service& service = device.running->service();
  std::list<InferenceQueue::Turn> turns;
  const auto take = [&]() -> boost::asio::awaitable<void> {
    auto turn = service.turn("colours", Urgency());
    turns.push_back(co_await std::move(turn));
  };
  for (int slot = 0; slot < 2; ++slot) device.running->wait(take());
  auto first = device.running->begin(service.infer("colours", {device.model.between()}, false));
  auto batch = device.running->begin(service.infer("colours", {device.crowd(5)}, false));
  device.running->on_io([&] { turns.pop_back(); });
  const Pressure pressure = first.get().result.rows[0].pressure;
  CHECK(pressure.waiting == 5);
  CHECK(pressure.put_off == PutOff::load);
  CHECK(batch.get().result.rows[0].pressure.put_off == PutOff::no);
  device.running->on_io([&] { turns.clear(); });
}

}  // namespace dormouse::daemon
