// Audits, the gate that they certify, and what ends that.

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "daemon/service/routing_file.h"
#include "learning/files.h"
#include "tests/daemon/advised.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using Catch::Contains;

/// Between red and blue, which models tell apart each in its own way.
engine::Tensor halfway(std::size_t rows) {
  const SmallModel model(41);
  std::vector<float> values;
  for (std::size_t i = 0; i < rows; ++i) {
    const engine::Tensor red = model.example("red", i), blue = model.example("blue", i);
    for (std::size_t k = 0; k < SmallModel::kWidth; ++k)
      values.push_back((red.values<float>()[k] + blue.values<float>()[k]) / 2);
  }
  return engine::Tensor::from<float>({static_cast<std::int64_t>(rows), SmallModel::kWidth}, values);
}

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
  device.model = SmallModel(77);  // another world, where both models guess
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  device.live(50);
  const json::object router = device.router();
  CHECK(router.at("rule") == "strict");
  CHECK_FALSE(router.at("certified").as_bool());
  CHECK(number(router.at("alarms")) == 1);
  CHECK(number(router.at("next").at("audits")) < 50);
  CHECK_THAT(*device.running->wait(listener->next(std::chrono::minutes(1))), Contains("\"alarm\""));
  const Answered answered =
      device.running->wait(device.running->service().infer("colours", {halfway(40)}, true));
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
  device.start();
  CHECK(device.rule() == "strict");  // after a restart
  device.model = SmallModel(41);
  for (int i = 0; i < 20 && device.rule() == "strict"; ++i) device.live(100);
  CHECK(device.rule() == "certified");
}

TEST_CASE("what was drawn before there was doubt tests nothing after the alarm", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  REQUIRE(device.rule() == "certified");
  const auto alarm = [&] { return device.router().at("alarm").to_number<double>(); };
  constexpr std::size_t kBefore = 30;
  device.running->ask(device.crowd(kBefore));
  device.model = SmallModel(77);  // another world
  while (alarm() < 0.3) device.running->ask(device.crowd(1));
  REQUIRE(device.rule() == "certified");
  std::size_t since = 0;
  for (; since < 3; ++since) device.running->ask(device.crowd(1));
  device.audit();
  REQUIRE(number(device.router().at("audits").at("waiting")) == 0);
  while (device.rule() == "certified") {
    device.running->ask(device.crowd(1));
    device.audit();
    REQUIRE(++since < 300);
  }
  CHECK(device.rule() == "strict");
  CHECK(number(device.router().at("next").at("audits")) <= since);
  // What waits when the alarm goes off was drawn before it, too.
  CHECK(number(device.router().at("audits").at("waiting")) == 0);
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
  CHECK(saved->shipped.empty());
  saved->models.planner_labels = 6;
  saved->shipped = "5a17";
  write_gate(file, *saved);
  CHECK(read_gate(file)->shipped == "5a17");
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

TEST_CASE("other files, other labels and other options end what was certified", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  REQUIRE(device.rule() == "certified");
  device.start();
  REQUIRE(device.rule() == "certified");  // nothing changed
  const std::uint64_t audits = number(device.router().at("audits").at("counted"));
  SECTION("the planner's file") {
    SmallModel(77).write(device.folder.file(""), "sage", 24);
    device.start();
  }
  SECTION("the model's file") {
    SmallModel(77).write(device.folder.file(""), "colours");
    device.start();
  }
  SECTION("another planner with the same labels") {
    device.options.models[1].name = device.options.models[0].planner = "oracle";
    device.start();
  }
  SECTION("labels that change places") {
    for (ModelOptions& model : device.options.models) {
      model.seed.clear();
      model.labels = {SmallModel::known().rbegin(), SmallModel::known().rend()};
    }
    device.start();
  }
  SECTION("an option that signals depend on") {
    device.running->on_io([&] {
      device.options.hrm.neighbours = 3;
      device.running->service().reconfigure(device.options.hrm, device.options.sleep);
    });
  }
  CHECK(device.rule() == "fixed");  // before anything was asked
  CHECK(device.router().at("next").at("stage") == "learning");
  CHECK(number(device.router().at("audits").at("counted")) == audits);
}

TEST_CASE("a reload without a change leaves a gate as it is", "[routing]") {
  Advised device;
  device.start();
  device.live(250);
  const json::object before = device.router();
  device.running->ask(device.crowd(3));
  device.running->on_io(
      [&] { device.running->service().reconfigure(device.options.hrm, device.options.sleep); });
  json::object after = device.router();
  for (const char* same : {"rule", "bound", "threshold", "certificate", "next"})
    CHECK(after.at(same) == before.at(same));
  CHECK(number(after.at("audits").at("waiting")) == 3);
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
  const std::vector<memory::EpisodeId> ids = device.running->ask(device.crowd(300)).ids;
  CHECK(number(device.router().at("audits").at("waiting")) == 256);
  CHECK(number(device.router().at("audits").at("skipped")) == 44);
  const auto of_the_last = std::ranges::count_if(ids.end() - 44, ids.end(), [&](memory::EpisodeId id) {
    return device.running->on_io([&] { return device.running->service().routing().awaits(id); });
  });
  CHECK(of_the_last > 44 / 2);  // where a row stands says nothing of whether it is audited
  CHECK(of_the_last < 44);
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

TEST_CASE("the model with most new labels sleeps where none is named", "[nights]") {
  Advised device;
  device.start();
  for (std::uint64_t i = 0; i < 3; ++i) device.running->teach(device.model.example("red", i), "red", "sage");
  device.running->teach(device.model.example("red", 9), "red", "colours");
  const Reply begun = device.running->admin("/v1/sleep", "{}");
  REQUIRE(begun.status == 202);
  while (device.running->on_io([&] { return device.running->nights().asleep(); })) std::this_thread::yield();
  const auto id = std::to_string(parsed(begun).at("sleep").to_number<int>());
  CHECK(parsed(device.running->get("/v1/sleeps/" + id)).at("model") == "sage");
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

}  // namespace dormouse::daemon
