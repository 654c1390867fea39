#pragma once

#include <map>
#include <memory>
#include <vector>

#include "daemon/service/model_parts.h"
#include "daemon/service/night_guard.h"
#include "daemon/service/shipped_files.h"
#include "engine/published.h"
#include "hrm/blend.h"
#include "learning/fast_head.h"
#include "learning/sleep.h"
#include "memory/consolidation.h"
#include "memory/index.h"
#include "memory/review.h"
#include "memory/store.h"

namespace dormouse::daemon {

/// What labelled examples that training never sees tell about a model and its memory together.
struct HeldOutView {
  hrm::Blend blend;               ///< of hybrid answers
  std::vector<float> set_scores;  ///< hrm::set_score of each example's label; ascending
  hrm::EnergyScale energy = {};   ///< of those of classes that the network knows
};

/// What requests read of a model and its memory: immutable parts, swapped as a whole when something was
/// learnt. The index alone grows under it (one writer, readers that never wait).
struct Served {
  std::shared_ptr<const engine::PublishedModel> model;
  std::shared_ptr<const memory::VectorIndex> index;  ///< rows are labelled by class number
  std::shared_ptr<const std::vector<memory::Concept>> concepts;
  std::shared_ptr<const Thinker> thinker{};     ///< as ModelParts has it
  std::shared_ptr<const HeldOutView> held_out;  ///< nullptr: there are no such examples
  float typical_distance = 0;                   ///< to the nearest neighbour within a class of the seed
  std::size_t fresh_labels = 0;                 ///< given since the model last slept
  std::int64_t embedding_version = 0;           ///< of the latents that it makes
};

/// What was forgotten, or would be.
struct Forgotten {
  std::vector<memory::EpisodeId> episodes;
  std::size_t concepts = 0;  ///< that lost members, or went
};

/// An episode worth a label.
struct Question {
  memory::Episode episode;
  std::optional<memory::Clip> clip;
  std::vector<float> probabilities;  ///< as both heads see it now, by label
  float uncertainty = 0;             ///< as in memory::ReviewCandidate
  float novelty = 0;
  std::vector<memory::EpisodeId> alike;  ///< whose label is most likely the same
};

struct Review {
  std::vector<Question> questions;
  std::size_t unlabelled = 0;  ///< episodes looked at
  std::size_t uncertain = 0;   ///< of them
  bool worthwhile = true;      ///< more labels would help, as far as anyone can tell
  std::string advice{};        ///< why, for people; may be empty
};

/// Where the store keeps why a version was rolled back by itself.
std::string rolled_back_key(const std::string& model, std::int64_t version);

/// One model's learning between nights: the owner of its fast weights, labels, index and concepts.
///
/// Lives on the storage thread. Every change ends in a new Served for the io thread to publish. Fast weights
/// are rebuilt exactly: seed statistics, those of episodes that memory let go (but by sgd), then every
/// training label that is left in the order it was given.
class Learner {
 public:
  /// Reads the active version and everything memory holds of the model. `store` and `versions` are borrowed.
  Learner(std::shared_ptr<const ModelParts> parts, const NightOptions& night, memory::Store& store,
          learning::VersionStore* versions, const FileInService& file,
          const memory::SemanticOptions& semantic = {});

  const Served& served() const { return served_; }

  /// Remembers an unlabelled inference (queued), as the trunk in service sees it. True when that took a new
  /// index: publish served().
  bool remember(const memory::Episode& episode);
  /// Labels what memory or working memory holds: on disk when it returns, and known to the next inference.
  /// Throws Failure(gone / not_found), or invalid when the episode is another model's. Gone is also what an
  /// older trunk answered when its input is not there to be embedded anew.
  memory::Taught teach(memory::EpisodeId id, const std::optional<memory::Episode>& recent,
                       const std::string& label);
  /// Erases what the selection means from memory, concepts, index and fast weights; what survives in concepts
  /// of let-go members that it may mean goes too. `dry_run` only counts.
  Forgotten forget(const memory::Selection& selection, bool dry_run);
  /// The `n` unlabelled episodes most worth a label, and whether labels still help. They do not when no
  /// unlabelled episode is uncertain or novel (0.5 of either) any more, nor when the newer half of the labels
  /// raised the accuracy on held-out examples by less than a point.
  Review review(std::size_t n) const;
  /// Drops what the store let go from the index.
  void evicted(std::span<const memory::EpisodeId> ids);

  // A graph over the index, for large memories: built aside, on any thread, and then put in service here.

  bool wants_graph() const;
  memory::GraphBuilder begin_graph() const { return index_->begin_graph(); }
  std::shared_ptr<const memory::VectorRows> index_rows() const { return index_->rows(); }
  /// False when the index was replaced meanwhile: then nothing has changed.
  bool take_graph(const memory::IndexGraph& made);

  /// Throws Failure(conflict), saying what is missing, when the trunk may move and too few inputs are kept.
  void check_inputs() const;
  /// Embeds what was remembered since a night with another trunk did so, a thousand episodes at most; how
  /// many will be retired with the version.
  std::size_t catch_up(const learning::Version& version);

  /// Everything a night reads, as of now.
  learning::SleepInputs sleep_inputs(std::string id) const;
  /// The same as of an earlier moment: of the first `classes` labels, and the feedback up to `sequence`.
  /// Throws Failure(corrupt) when there are fewer labels now.
  learning::SleepInputs sleep_inputs_as_of(std::string id, std::int64_t sequence, std::size_t classes);
  /// The newest feedback, 0 before the first.
  std::int64_t sequence() const;
  /// Puts these slow weights in service (nothing: as shipped). Throws Failure when they do not fit the model;
  /// then nothing has changed.
  /// `seed`: as its trunk sees it, where that is known already. The store has to be of its embedding.
  void adopt(std::optional<learning::Version> version, std::shared_ptr<const learning::Seed> seed = nullptr);
  /// The same with a version on disk (0: as shipped), recorded as the active one. Throws Failure(not_found /
  /// corrupt), or conflict for a rejected one.
  void roll_back(std::int64_t number);
  /// Goes back to the parent of the version in service when people's labels show it to be worse, and says
  /// why; a version that somebody put in service by hand stays. Nothing when all is well.
  std::optional<std::string> retreat();
  /// The core set for when `version` is accepted, as NightGuard::after makes it.
  learning::CoreSet core_after(const learning::Version& version) const;
  NightGuard& guard() { return *guard_; }
  /// Distils concepts and links from the seed and what memory holds, and stores them.
  void consolidate();
  /// Class numbers by name, shipped ones first, then in the order they were taught.
  const std::vector<std::string>& labels() const { return labels_; }
  /// The index's number of a stream; nothing when nothing was remembered of it.
  std::optional<std::uint32_t> stream_number(const std::string& stream) const;
  /// A night was begun on the feedback up to `sequence`.
  void slept(std::int64_t sequence);

 private:
  struct Examples {
    learning::LabelledLatents training;
    learning::LabelledLatents held_out;
    std::vector<memory::EpisodeId> episodes = {};  ///< of `training`
  };

  /// Slow weights opened, and not yet in service.
  struct Candidate {
    std::optional<learning::Version> version;
    std::shared_ptr<const engine::Session> session;
    std::unique_ptr<engine::Session> slow;
    std::shared_ptr<const learning::Seed> seed;  ///< as its trunk sees it; null: there is none
    std::optional<engine::KernelSeat> kernel;
    std::int64_t embedding = 0;  ///< of the latents that its trunk makes
  };

  /// The number of a label, which is a new class when nobody gave it before.
  learning::ClassIndex class_of(const std::string& label);
  /// The same of an episode that has a label.
  learning::ClassIndex class_of(const memory::Episode& labelled) const;
  /// The number of a stream from now on; 0 for an unnamed one.
  std::uint32_t number_stream(const std::string& stream);
  /// Another model may have had this name, or this one another trunk: such latents say nothing here.
  bool fits(const memory::Episode& episode) const;
  /// An inference with the latent that the trunk in service gives it; nothing when another one answered it
  /// and its input was not kept.
  std::optional<memory::Episode> seen_now(memory::Episode inference) const;
  std::vector<memory::Episode> labelled() const;
  std::size_t count_fresh_labels() const;
  /// How far apart two latents of one kind may lie.
  float alike_within() const;
  std::vector<engine::Answer> think_again(const std::vector<memory::Episode>& episodes) const;
  /// Unlabelled episodes that both heads together are sure of by now, newest first.
  learning::LabelledLatents self_labelled() const;
  void advise(Review& review) const;
  Candidate open(std::optional<learning::Version> version,
                 std::shared_ptr<const learning::Seed> seed = nullptr) const;
  void take(Candidate candidate);
  Candidate last_good(std::int64_t active) const;
  /// Has the store see everything with this one's trunk, and says so.
  void change_trunk(const Candidate& candidate);
  /// Memory as the trunk of this seed sees it: concepts, index, fast weights, guard.
  void see_with(const Candidate& candidate);
  void take_core();

  // Of a trunk that moves.

  std::shared_ptr<const learning::Seed> seed_for(const learning::Version* version) const;
  Examples inputs_of(std::span<const memory::Episode> episodes) const;
  /// Puts inputs in place of latents in what a night reads.
  void read_inputs(learning::SleepInputs& night, std::span<const memory::Episode> labelled) const;
  static constexpr std::size_t kEveryPiece = std::numeric_limits<std::size_t>::max();
  /// Sets latents aside that this version's trunk makes, a piece at a time, `pieces` at most.
  void embed(const learning::Version* version, std::size_t pieces);
  std::int64_t embedding_of(const learning::Version* version) const {
    return version ? version->embedding : file_.embedding;
  }
  void go_back(std::int64_t number);
  /// Before the labels that memory holds: the seed, and what it let go.
  std::unique_ptr<learning::FastHead> starting_head() const;
  Examples taught() const { return split(labelled()); }
  Examples split(std::span<const memory::Episode> episodes) const;
  /// What a night reads that learns the first `classes` labels from `episodes`.
  learning::SleepInputs night(std::string id, std::span<const memory::Episode> episodes, std::size_t classes,
                              std::optional<engine::LinearHead> fast) const;
  /// Fast weights as the feedback up to `sequence` made them.
  std::unique_ptr<learning::FastHead> fast_as_of(std::int64_t sequence);
  /// The slow head's answers to held_out().
  const std::vector<learning::ClassIndex>& slow_answers(const learning::LabelledLatents& examples);
  void hold_out(const memory::Episode& episode, learning::ClassIndex label, bool corrected);
  void forget_in_kernels(const memory::Selection& selection, std::span<const memory::EpisodeId> ids);
  void rebuild_fast();
  void rebuild_guard();
  void rebuild_index();
  /// Replaces an index in which too much is marked as gone; true when it did.
  bool compact_index();
  /// Appends an episode to the index. True when that took a new one.
  bool enter(const memory::Episode& episode, learning::ClassIndex label, bool labelled);
  void learn(learning::FastHead& fast, const memory::Episode& episode, const std::string& label,
             const std::optional<std::string>& previous);
  float network_temperature() const;
  /// Looks at the held-out examples anew, when they or the model have changed enough.
  void view_held_out();
  void refresh();  ///< measures temperature and arbiter and makes the next PublishedModel
  learning::LabelledLatents with_seed(const learning::LabelledLatents& held_out) const;
  learning::LabelledLatents held_out() const { return with_seed(held_out_taught_); }

  std::shared_ptr<const ModelParts> parts_;
  NightOptions night_;
  memory::SemanticOptions semantic_;
  memory::Store& store_;
  learning::VersionStore* versions_;
  FileInService file_;
  std::vector<std::string> labels_;
  std::optional<learning::Version> version_;
  std::shared_ptr<const learning::Seed> seed_;  ///< as the trunk in service sees it; null: there is none
  std::shared_ptr<const engine::Session> session_;
  std::unique_ptr<engine::Session> slow_;  ///< latent → logits
  std::optional<engine::KernelSeat> kernel_;
  std::unique_ptr<learning::FastHead> fast_;
  std::shared_ptr<memory::VectorIndex> index_;
  std::map<std::string, std::uint32_t> streams_;  ///< from 1 on, in the order in which they came
  learning::LabelledLatents held_out_taught_;
  std::vector<learning::ClassIndex> slow_answers_;  ///< to as many of held_out() as were asked about
  std::optional<NightGuard> guard_;
  std::size_t viewed_ = 0;  ///< held-out examples there were when they were looked at last; 0: look again
  Served served_;
};

}  // namespace dormouse::daemon
