#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "daemon/service/model_parts.h"
#include "daemon/service/shipped_files.h"
#include "learning/core_set.h"
#include "learning/live_record.h"
#include "learning/sleep.h"
#include "memory/store.h"

namespace dormouse::daemon {

/// What a model's guard keeps from night to night: the core set, and how each version does in life.
///
/// Lives on the storage thread.
class NightGuard {
 public:
  static constexpr std::size_t kLeastLabels = 20;  ///< on which a version may be judged in life
  static constexpr double kLevel = 0.01;           ///< of that test

  /// Reads the core set, if there is a fitting one. `seed`: as the trunk in service sees it, or null. `store`
  /// is borrowed.
  NightGuard(std::shared_ptr<const ModelParts> parts, std::shared_ptr<const learning::Seed> seed,
             memory::Store& store, const FileInService& file);

  /// Adds the core set to what a night reads.
  void brief(learning::SleepInputs& inputs) const;
  /// The core set once `version` is accepted: classes that it is the first to know get their examples, of
  /// these held-out episodes. To be recorded with the night, then taken.
  learning::CoreSet after(const learning::Version& version, std::span<const memory::Episode> held_out) const;
  memory::Entry entry(const learning::CoreSet& core) const;
  void take(learning::CoreSet core) { core_ = std::move(core); }
  /// Whether an accepted night of this trunk left one.
  bool has_core() const { return core_.has_value(); }
  /// What is to be stored with the forgetting of these episodes; nothing when none of them is in the core
  /// set.
  std::vector<memory::Entry> without(std::span<const memory::EpisodeId> ids) const;
  /// As stored, or as the seed makes it before the first accepted night.
  learning::CoreSet current() const { return core_ ? *core_ : shipped(); }

  /// A label was given to what a version had answered before; it replaces `previous`.
  void labelled(const memory::Episode& episode, const std::string& label,
                const std::optional<std::string>& previous);
  /// Why this version has to go: people's labels show it to be worse than its parent. Nothing when they do
  /// not, or nothing new was said since it was last asked.
  std::optional<std::string> worse_in_life(const learning::Version& version);

 private:
  learning::CoreSet shipped() const;
  std::string key() const { return "core/" + parts_->options.name; }

  std::shared_ptr<const ModelParts> parts_;
  std::shared_ptr<const learning::Seed> seed_;
  memory::Store& store_;
  memory::EpisodeId since_;  ///< what was answered before was another file's
  std::string basis_;
  std::optional<learning::CoreSet> core_;  ///< nothing before the first accepted night
  learning::LiveRecord live_;
  bool news_ = true;
};

}  // namespace dormouse::daemon
