#include <algorithm>

#include "config/log.h"
#include "daemon/service/learner.h"

// The learner's part that keeps memory's vectors in RAM.
namespace dormouse::daemon {

using learning::ClassIndex;

std::uint32_t Learner::number_stream(const std::string& stream) {
  if (stream.empty()) return 0;
  return streams_.emplace(stream, static_cast<std::uint32_t>(streams_.size() + 1)).first->second;
}

std::optional<std::uint32_t> Learner::stream_number(const std::string& stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? std::nullopt : std::optional(found->second);
}

void Learner::rebuild_index() {
  const std::size_t width = parts_->learnable->latent_size;
  // Twice what memory may hold, so that what is marked as gone need not be cleared away at once.
  const std::size_t room = 2 * store_.options().capacity + (seed_ ? seed_->replay.size() : 0) + 65'536;
  index_ = std::make_shared<memory::VectorIndex>(width, room, store_.options().latents);
  const auto load = [this](const memory::IndexRow& row, const memory::LatentView& latent) {
    ensure(index_->load(row, latent), "the index has room for all that memory may hold");
  };
  if (seed_)
    for (std::size_t i = 0; i < seed_->replay.size(); ++i)
      load({0, seed_->replay.classes[i], true, 0}, memory::quantise(seed_->replay.row(i)));
  store_.flush();  // each_vector() sees what is on disk
  std::map<std::int64_t, ClassIndex> classes;
  for (const auto& [number, name] : store_.class_names(parts_->options.name))
    classes[number] = class_of(name);
  std::map<std::int64_t, std::uint32_t> streams{{0, 0}};
  for (const auto& [number, name] : store_.stream_names()) streams[number] = number_stream(name);
  store_.each_vector(
      parts_->options.name, served_.embedding_version, [&](const memory::StoredVector& stored) {
        if (stored.latent.codes.size() != width) return;  // of another model that had this name
        load({stored.id, classes.at(stored.class_number), stored.labelled,
              stored.time.time_since_epoch().count(), stored.version, streams.at(stored.stream_number)},
             stored.latent);
      });
  served_.index = index_;
}

bool Learner::compact_index() {
  if (!index_->wants_compaction(store_.options().index)) return false;
  index_ = index_->compacted();
  served_.index = index_;
  return true;
}

bool Learner::enter(const memory::Episode& episode, ClassIndex label, bool labelled) {
  const bool replaced = compact_index();
  const memory::IndexRow row{episode.id,      label,
                             labelled,        episode.time.time_since_epoch().count(),
                             episode.version, number_stream(episode.stream)};
  ensure(index_->add(row, episode.latent), "a compacted index has room");
  return replaced;
}

void Learner::evicted(std::span<const memory::EpisodeId> ids) {
  if (!index_) return;
  for (const memory::EpisodeId id : ids) index_->remove(id);
}

bool Learner::wants_graph() const { return index_ && index_->wants_graph(store_.options().index); }

bool Learner::take_graph(const memory::IndexGraph& made) {
  std::shared_ptr<memory::VectorIndex> with_graph = index_->with(made);
  if (!with_graph) return false;
  index_ = std::move(with_graph);
  served_.index = index_;
  return true;
}

}  // namespace dormouse::daemon
