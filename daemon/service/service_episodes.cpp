#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/service.h"

/// What becomes of answers: working memory, episodes worth keeping, ids, and what `why` can tell.
namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxRemembering = 1024;  // more than the storage thread takes are let go

/// One row of a request's inputs, for models that take one tensor of floats.
memory::Clip clip_of(const std::vector<engine::Tensor>& inputs, std::size_t row) {
  if (inputs.size() != 1 || inputs[0].dtype() != engine::DType::f32 || inputs[0].shape().rank() == 0)
    return {};
  const engine::Tensor one = inputs[0].rows(static_cast<std::int64_t>(row), 1);
  const auto values = one.values<float>();
  return {{one.shape().begin(), one.shape().end()}, {values.begin(), values.end()}};
}

}  // namespace

void Service::note(const Entry& entry, Answered& answered, const Experience& experience, bool remember) {
  for (std::size_t row = 0; row < answered.ids.size(); ++row) {
    const RowAnswer& answer = answered.result.rows[row];
    const hrm::Decision& decision = answer.decision;
    memory::Inference inference;
    inference.id = answered.ids[row];
    inference.model = entry.parts->options.name;
    inference.time = clock_.wall();
    inference.version = answered.version;
    inference.embedding_version = experience.embedding_version;
    inference.stream = experience.origin.stream;
    inference.input = clip_of(experience.inputs, row);
    inference.latent = answer.latent;
    inference.probabilities = decision.probabilities;
    inference.prediction = answer.labels->at(decision.predicted);
    inference.confidence = decision.confidence;
    inference.novelty = std::max(answer.novelty, experience.origin.novelty);
    inference.route = static_cast<std::uint8_t>(decision.route);
    recents_.put(inference);
    explained_.put({inference.id, std::make_shared<const RowAnswer>(answer)});
    const bool corrected =
        decision.route == hrm::Route::high && decision.predicted != answer.executor.predicted;
    const bool worth =
        inference.novelty >= kNovel || decision.confidence < options_.hrm.router.accept || corrected;
    if (remember && worth) this->remember(inference);
  }
}

void Service::remember(const memory::Inference& inference) {
  if (remembering_ >= kMaxRemembering) return;  // the disk is slower than the inputs are interesting
  ++remembering_;
  auto work = [this, name = inference.model,
               episode = memory::to_episode(inference, options_.memory.episodic.latents)] {
    --remembering_;
    try {
      Learner& learner = *learners_.at(name);
      if (learner.remember(episode))
        asio::post(io_, [this, name, served = learner.served()] { publish(name, served); });
    } catch (const Failure& failure) {
      log(Level::warning, "an episode was not remembered: " + failure.error().context);
    }
  };
  asio::post(storage_, std::move(work));
}

asio::awaitable<std::vector<memory::EpisodeId>> Service::next_ids(std::size_t count) {
  std::vector<memory::EpisodeId> ids;
  while (ids.size() < count) {
    if (const auto id = ids_.take())
      ids.push_back(*id);
    else
      co_await reserve_more();
  }
  if (ids_.runs_low() && !reserving_)
    asio::co_spawn(io_, reserve_more(), [](std::exception_ptr error) {
      try {
        if (error) std::rethrow_exception(error);
      } catch (const Failure& failure) {
        log(Level::error, "no new episode ids: " + failure.error().context);
      }
    });
  co_return ids;
}

asio::awaitable<void> Service::reserve_more() {
  reserving_ = true;
  auto work = [this] { return store_->reserve_ids(); };
  try {
    const memory::IdBlock block = co_await run_on(storage_, std::move(work));
    reserving_ = false;
    ids_.add(block);
  } catch (...) {
    reserving_ = false;
    throw;
  }
}

const RowAnswer* Service::explanation(memory::EpisodeId id) const {
  const Explained* explained = explained_.find(id);
  return explained ? explained->answer.get() : nullptr;
}

}  // namespace dormouse::daemon
