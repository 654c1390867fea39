#include <algorithm>
#include <set>

#include "daemon/run_on.h"
#include "daemon/service/class_labels.h"
#include "daemon/service/night_journal.h"
#include "daemon/service/service.h"

/// What changes what a model knows at once: teaching, forgetting, an earlier version.
namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

/// Has a model among those that are forgetting, as long as it lasts.
class Forgetting {
 public:
  Forgetting(std::multiset<std::string>& all, const std::string& model)
      : all_(all), own_(all.insert(model)) {}
  ~Forgetting() { all_.erase(own_); }
  Forgetting(const Forgetting&) = delete;
  Forgetting& operator=(const Forgetting&) = delete;

 private:
  std::multiset<std::string>& all_;
  std::multiset<std::string>::iterator own_;
};

}  // namespace

asio::awaitable<TaughtAnswer> Service::teach(std::string name, memory::EpisodeId id, std::string label) {
  const Entry& entry = learning_model(name);
  check_label(label, entry.served.model->labels);
  if (forgetting_.contains(name))  // else what goes might come back as what was taught
    throw Failure(Errc::conflict, "model '" + name + "' is forgetting; teach it again when that is done");
  last_request_ = std::chrono::steady_clock::now();
  std::optional<memory::Episode> episode;
  if (const memory::Inference* inference = recents_.find(id)) {
    if (inference->model != name)
      throw Failure(Errc::invalid, "episode " + std::to_string(id) + ": model '" + inference->model +
                                       "' answered it; teach that one");
    episode = memory::to_episode(*inference, options_.memory.episodic.latents);
  }
  auto work = [this, name, id, label, episode = std::move(episode)] {
    Learner& learner = *learners_.at(name);
    const memory::Taught taught = learner.teach(id, episode, label);
    return std::pair(taught, learner.served());
  };
  const auto [taught, served] = co_await run_on(storage_, std::move(work));
  if (const RowAnswer* answer = explanation(id)) {
    const auto& labels = entry.served.model->labels;
    const std::size_t predicted = answer->executor.predicted;
    if (predicted < labels.size()) routing_->taught(name, *answer, labels[predicted] == label);
  }
  routing_->told(name, id, label);
  publish(name, served);
  const auto& shipped = entry.parts->learnable->labels;
  const bool known = std::ranges::find(shipped, label) != shipped.end();
  co_return TaughtAnswer{id, label, taught.new_class && !known, memory::is_held_out(id)};
}

asio::awaitable<Forgotten> Service::forget(memory::Selection selection, bool dry_run) {
  const std::string name = selection.model;
  learning_model(name);
  std::optional<Forgetting> forgetting;
  if (!dry_run) forgetting.emplace(forgetting_, name);
  auto work = [this, name, selection, dry_run] {
    Learner& learner = *learners_.at(name);
    if (!dry_run) {
      // What can be made again goes first, so that nothing outlives what it was made of: the graph over
      // memory tells of its vectors, and a night that was interrupted had learnt from them.
      fs::remove(options_.state / "index" / (name + ".hnsw"));
      journal_of(options_.state, name).drop();
    }
    Forgotten forgotten = learner.forget(selection, dry_run);
    return std::pair(std::move(forgotten), learner.served());
  };
  auto [forgotten, served] = co_await run_on(storage_, std::move(work));
  if (!dry_run) {
    publish(name, std::move(served));
    std::erase_if(opened_versions_, [&](const auto& opened) { return opened.first.first == name; });
  }
  std::vector<memory::EpisodeId> recent;
  recents_.newest_first([&](const memory::Inference& inference) {
    if (selection.matches(memory::to_episode(inference))) recent.push_back(inference.id);
    return true;
  });
  // An answer that was taught another label since is not meant.
  auto look = [this, selection, recent = std::move(recent)]() mutable {
    std::erase_if(recent, [&](memory::EpisodeId id) {
      const auto stored = store().find(id);
      return stored && !selection.matches(*stored);
    });
    return recent;
  };
  recent = co_await run_on(storage_, std::move(look));
  std::set<memory::EpisodeId> all(forgotten.episodes.begin(), forgotten.episodes.end());
  all.insert(recent.begin(), recent.end());
  forgotten.episodes.assign(all.begin(), all.end());
  if (dry_run) co_return forgotten;
  routing_->forget(forgotten.episodes);
  for (const memory::EpisodeId id : forgotten.episodes) {
    recents_.erase(id);
    explained_.erase(id);
  }
  co_return forgotten;
}

asio::awaitable<void> Service::roll_back(std::string name, std::int64_t version) {
  learning_model(name);
  auto work = [this, name, version] {
    Learner& learner = *learners_.at(name);
    learner.roll_back(version);
    return learner.served();
  };
  publish(name, co_await run_on(storage_, std::move(work)));
}

}  // namespace dormouse::daemon
