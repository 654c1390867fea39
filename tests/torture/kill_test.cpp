#include <signal.h>

#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "learning/random.h"
#include "memory/store.h"
#include "tests/torture/home.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// What a model answers to the fixed probes.
struct Observed {
  std::int64_t version = 0;
  std::string outputs;  ///< every probability, as text that determines its bits
};

struct Night {
  std::string model;
  std::int64_t id = 0;
};

/// A daemon that is taught, put to sleep and killed, and what it has acknowledged so far.
class Victim {
 public:
  explicit Victim(std::uint64_t seed) : random_(seed), home_(seed, "sleep: {journal: 1ms}\n") { start(); }

  void live_and_die(bool asleep) {
    nights_.clear();
    for (const std::string& model : models()) expected_[model] = observe(model);
    teach_some(3);
    if (asleep) fall_asleep();
    die_while_busy(asleep ? 120ms : 15ms);
    start();
    verify();
    for (const Night& night : nights_) ++ends_[end_of(night)];
    if (random_.below(3) == 0) {  // and once more, before anything could be repaired
      process_->signal(SIGKILL);
      start();
      verify();
    }
  }

  /// The files after the last death.
  void autopsy() {
    process_->signal(SIGKILL);
    process_->wait();
    const SystemClock clock;
    const memory::Store store({home_.folder.file("state/dormouse.db"), {}, ""}, clock);
    CHECK(store.check_integrity() == "");
    CHECK(acknowledged_.size() > 0);
  }

  /// What the test went through.
  std::string summary() const {
    std::string text = std::to_string(acknowledged_.size()) + " labels, nights";
    for (const auto& [state, count] : ends_) text += " " + state + " " + std::to_string(count);
    return text;
  }

 private:
  static const std::vector<std::string>& models() {
    static const std::vector<std::string> names{"colours", "plain"};
    return names;
  }
  const std::string& any(const std::vector<std::string>& of) { return of[random_.below(of.size())]; }

  void start() {
    process_.reset();
    process_.emplace(home_.folder);
    user_.emplace(process_->user());
    admin_.emplace(process_->admin());
  }

  json::value post(const std::string& target, const std::string& body) {
    return answer_of(user_->send({.method = "POST", .target = target, .body = body}));
  }
  json::value get(const std::string& target) { return answer_of(user_->send({.target = target})); }

  /// Ids are new, in order, whatever died since the last ones.
  void note_ids(const json::value& parameters) {
    const json::value& ids = parameters.at("dormouse_episode_id");
    std::string text = ids.is_string() ? std::string(ids.as_string()) : json::serialize(ids);
    for (std::size_t end = 0; !text.empty(); text.erase(0, std::min(end + 1, text.size()))) {
      end = std::min(text.find(','), text.size());
      const std::uint64_t id = std::stoull(text.substr(0, end));
      if (id <= newest_id_) throw std::runtime_error("episode id " + std::to_string(id) + " was used before");
      newest_id_ = id;
    }
  }

  Observed observe(const std::string& model) {
    const json::value answer = post("/v2/models/" + model + "/infer", probe_of(home_.model.probes(3)));
    note_ids(answer.at("parameters"));
    return {std::stoll(std::string(answer.at("model_version").as_string())),
            json::serialize(answer.at("outputs"))};
  }

  /// Labels a fresh example, or corrects an older one.
  void teach(const std::string& model) {
    const std::string& colour = any(SmallModel::colours());
    std::uint64_t id = 0;
    if (!acknowledged_.empty() && random_.below(4) == 0) {
      id = std::next(acknowledged_.begin(), static_cast<std::ptrdiff_t>(random_.below(acknowledged_.size())))
               ->first;
      if (acknowledged_.at(id).first != model) return;
    } else {
      const json::value answer = post("/v2/models/" + model + "/infer",
                                      body_of(home_.model.example(colour, random_.below(100'000))));
      note_ids(answer.at("parameters"));
      id = newest_id_;
    }
    expected_[model].reset();
    in_doubt_ = {id, {model, colour}};
    post("/v1/models/" + model + "/feedback",
         R"({"episode": )" + std::to_string(id) + R"(, "label": ")" + colour + R"("})");
    acknowledged_.insert_or_assign(id, in_doubt_->second);
    in_doubt_.reset();
    expected_[model] = observe(model);
  }

  void teach_some(std::size_t at_most) {
    for (std::size_t left = 1 + random_.below(at_most); left > 0; --left) teach(any(models()));
  }

  void fall_asleep() {
    const std::string& model = any(models());
    const json::value begun = answer_of(
        admin_->send({.method = "POST", .target = "/v1/sleep", .body = R"({"model": ")" + model + R"("})"}),
        202);
    nights_.push_back({model, begun.at("sleep").to_number<std::int64_t>()});
    if (random_.below(4) != 0) return;
    while (state_of(nights_.back()) == "running") std::this_thread::yield();  // to die in the morning
    expected_[model] = observe(model);
  }

  std::string state_of(const Night& night) {
    return std::string(get("/v1/sleeps/" + std::to_string(night.id)).at("state").as_string());
  }

  void die_while_busy(std::chrono::microseconds at_most) {
    const std::chrono::microseconds delay(random_.below(static_cast<std::size_t>(at_most.count())));
    const auto work = [this] {
      if (random_.below(3) == 0) teach(any(models()));
      const std::string& model = any(models());
      const Observed now = observe(model);
      if (expected_[model] && now.version < expected_[model]->version)
        throw std::runtime_error("a version went back");
      if (expected_[model] && now.version == expected_[model]->version)
        CHECK(now.outputs == expected_[model]->outputs);
      expected_[model] = now;
    };
    CHECK(kill_during(*process_, delay, work) == 128 + SIGKILL);
  }

  /// How it ended, and whether it had been cut off before.
  std::string end_of(const Night& night) {
    const json::value record = get("/v1/sleeps/" + std::to_string(night.id));
    const json::object* report = record.at("report").if_object();
    return (report && report->contains("resumed") ? "resumed and " : "") +
           std::string(record.at("state").as_string());
  }

  void verify() {
    for (const Night& night : nights_)
      while (state_of(night) == "running") std::this_thread::yield();  // it was taken up
    for (const auto& [id, taught] : acknowledged_) check_episode(id, taught.second);
    if (in_doubt_) resolve_doubt();
    for (const std::string& model : models()) check_model(model);
    for (const Night& night : nights_) {
      INFO("night " << night.id << " of " << night.model);
      const std::string state = state_of(night);
      CHECK((state == "accepted" || state == "rejected" || state == "interrupted"));
    }
  }

  void check_episode(std::uint64_t id, const std::string& label) {
    if (in_doubt_ && in_doubt_->first == id) return;
    INFO("episode " << id);
    CHECK(get("/v1/episodes/" + std::to_string(id)).at("label") == json::value(label));
  }

  /// The label that was on its way at the kill is there or not; nothing else.
  void resolve_doubt() {
    const auto& [id, sent] = *in_doubt_;
    const Reply reply = user_->send({.target = "/v1/episodes/" + std::to_string(id)});
    INFO("in doubt: " << id << " " << sent.second << ", found " << reply.body);
    const auto before = acknowledged_.find(id);
    const json::value label = reply.status == 200 ? answer_of(reply).at("label") : json::value(nullptr);
    if (reply.status != 200) CHECK((reply.status == 410 && before == acknowledged_.end()));
    if (label == json::value(sent.second))
      acknowledged_.insert_or_assign(id, sent);
    else
      CHECK(label ==
            (before == acknowledged_.end() ? json::value(nullptr) : json::value(before->second.second)));
    in_doubt_.reset();
  }

  void check_model(const std::string& model) {
    const Observed now = observe(model);
    INFO(model << " in version " << now.version);
    std::map<std::int64_t, json::value> versions;
    const json::value listed = get("/v1/models/" + model + "/versions");
    for (const json::value& version : listed.as_array())
      versions.emplace(version.at("version").to_number<std::int64_t>(), version);
    for (const auto& [number, version] : versions)
      CHECK((version.at("state") == json::value("active")) == (number == now.version));
    REQUIRE(versions.contains(now.version));
    auto& before = expected_[model];
    if (before && now.version == before->version) {
      CHECK(now.outputs == before->outputs);
    } else if (before) {
      CHECK(now.version > before->version);
      CHECK(versions.at(now.version).at("parent").to_number<std::int64_t>() == before->version);
      CHECK(slept_into(model, versions.at(now.version).at("sleep").to_number<std::int64_t>()));
    }
    before = now;
  }

  bool slept_into(const std::string& model, std::int64_t sleep) {
    for (const Night& night : nights_)
      if (night.model == model && night.id == sleep) return state_of(night) == "accepted";
    return false;
  }

  learning::Random random_;
  Home home_;
  std::optional<DormouseProcess> process_;
  std::optional<HttpClient> user_;
  std::optional<HttpClient> admin_;
  using Taught = std::pair<std::string, std::string>;  // model and label
  std::map<std::uint64_t, Taught> acknowledged_;
  std::optional<std::pair<std::uint64_t, Taught>> in_doubt_;
  std::map<std::string, std::optional<Observed>> expected_;
  std::vector<Night> nights_;
  std::map<std::string, std::size_t> ends_;  ///< of all nights, by state
  std::uint64_t newest_id_ = 0;
};

TEST_CASE("kill -9 at any moment loses nothing that was acknowledged", "[torture]") {
  const std::uint64_t seed = from_environment("DORMOUSE_TORTURE_SEED", 1);
  const std::size_t rounds = from_environment("DORMOUSE_TORTURE_ROUNDS", 15);
  INFO("DORMOUSE_TORTURE_SEED=" << seed);
  Victim victim(seed);
  for (std::size_t round = 0; round < rounds; ++round) {
    INFO("round " << round << (round % 2 ? ", asleep" : ", awake"));
    victim.live_and_die(round % 2 == 1);
  }
  victim.autopsy();
  WARN(rounds << " kills, seed " << seed << ", " << victim.summary());
}

/// A daemon that is taught the same as any other of its kind, and its first night.
class Sleeper {
 public:
  // Large batches make the night long enough to be cut off.
  Sleeper() : home_(kSeed, "sleep: {journal: 1ms, replay: {batch: 512}}\n") { start(); }

  void teach(const std::string& colour, std::uint64_t index) {
    HttpClient user = process_->user();
    const std::string body = body_of(home_.model.example(colour, index), R"(, "label": ")" + colour + R"(")");
    answer_of(user.send({.method = "POST", .target = "/v1/models/colours/feedback", .body = body}));
  }
  void fall_asleep() {
    HttpClient admin = process_->admin();
    answer_of(admin.send({.method = "POST", .target = "/v1/sleep", .body = R"({"model": "colours"})"}), 202);
  }
  /// The night's record once it is over, or has got further than `progress` with its steps.
  json::value wait(double progress) {
    HttpClient user = process_->user();
    for (;;) {
      const json::value night = answer_of(user.send({.target = "/v1/sleeps/1"}));
      if (night.at("state") != "running") return night;
      const json::value* far = night.as_object().if_contains("progress");
      if (far && far->to_number<double>() > progress) return night;
    }
  }
  void cut_off() {
    process_->signal(SIGKILL);
    start();
  }
  void damage_the_journal() {
    process_->signal(SIGKILL);
    process_->wait();
    const std::string file = home_.folder.file("state/models/colours/night/journal.safetensors");
    std::string bytes = read_file(file);
    REQUIRE_FALSE(bytes.empty());
    bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 0x10);
    write_file(home_.folder, "state/models/colours/night/journal.safetensors", bytes);
    start();
  }
  bool has_journal() const {
    return !read_file(home_.folder.file("state/models/colours/night/journal.safetensors")).empty();
  }
  std::string weights() const {
    return read_file(home_.folder.file("state/models/colours/1/weights.safetensors"));
  }
  std::string log() const { return process_->log(); }

 private:
  static constexpr std::uint64_t kSeed = 5;

  void start() {
    process_.reset();
    process_.emplace(home_.folder);
  }

  Home home_;
  std::optional<DormouseProcess> process_;
};

TEST_CASE("a night that is cut off again and again ends with the weights of one left alone", "[torture]") {
  Sleeper calm, restless;
  for (Sleeper* sleeper : {&calm, &restless})
    for (std::uint64_t i = 0; i < 20; ++i) sleeper->teach(i % 3 == 0 ? "red" : "grey", i);
  calm.fall_asleep();
  const json::value whole = calm.wait(2);
  INFO(json::serialize(whole));
  REQUIRE(whole.at("state") == "accepted");

  restless.fall_asleep();
  std::size_t cuts = 0;
  for (double progress = 0.05; progress < 0.9 && restless.wait(progress).at("state") == "running";
       progress += 0.2) {
    restless.cut_off();
    ++cuts;
    restless.teach("pink", cuts);  // for another night
  }
  const json::value night = restless.wait(2);
  INFO(cuts << " cuts, " << json::serialize(night) << restless.log());
  CHECK(night.at("state") == "accepted");
  CHECK(night.at("report").at("resumed").to_number<std::size_t>() >= 2);
  CHECK(restless.weights() == calm.weights());
  CHECK_FALSE(restless.has_journal());
}

TEST_CASE("a damaged journal is dropped, and the night stays interrupted", "[torture]") {
  Sleeper sleeper;
  for (std::uint64_t i = 0; i < 20; ++i) sleeper.teach("grey", i);
  sleeper.fall_asleep();
  REQUIRE(sleeper.wait(0.05).at("state") == "running");
  sleeper.damage_the_journal();
  while (sleeper.has_journal()) std::this_thread::yield();
  CHECK(sleeper.wait(2).at("state") == "interrupted");
  CHECK_THAT(sleeper.log(), Catch::Contains("the journal of a night is of no use and dropped"));
}

}  // namespace
}  // namespace dormouse::daemon
