#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// One example of the core set.
struct CoreExample {
  std::uint64_t episode = 0;  ///< where it comes from; 0: the seed
  std::string label;
  std::vector<std::int8_t> codes;  ///< latent = codes · scale
  float scale = 0;
  bool held = false;  ///< right by the accepted version that was best on its class

  friend bool operator==(const CoreExample&, const CoreExample&) = default;
};

/// The judge that does not drift: the seed's held-out examples, and of every later class the first held-out
/// episodes it had when a night first learned it, copied, so that memory may let go of the originals.
///
/// The fresh held-out episodes follow the world, wrong labels included; a candidate that agrees with them may
/// still have forgotten, a little every night. It is therefore also compared, class by class, with the best
/// that any accepted version ever did on these, among the classes that this version knew: what an old class
/// yields to a new one like it is a trade for the fresh examples to judge, not forgetting.
class CoreSet {
 public:
  static constexpr std::size_t kPerClass = 60;

  /// `basis` names what the latents are relative to (the trunk): a set of another one is of no use.
  explicit CoreSet(std::string basis = "") : basis_(std::move(basis)) {}

  const std::string& basis() const { return basis_; }
  const std::vector<CoreExample>& examples() const { return examples_; }
  bool knows(std::string_view label) const;
  /// Nothing happens when its class has kPerClass examples.
  void add(std::uint64_t episode, const std::string& label, std::span<const float> latent);
  /// Where an accepted version that knows `classes` was right, in the order of examples(). It becomes the
  /// one to beat on every class on which it does at least as well as the best so far; on all when it knows
  /// more classes than any before.
  void measured(const std::vector<bool>& right, std::size_t classes);
  /// How many classes the versions to beat knew.
  std::size_t classes() const { return classes_; }
  /// A person corrected an example: it has to be learnt anew.
  void relabel(std::uint64_t episode, const std::string& label);
  /// Erases what came from these episodes; true when there was any.
  bool forget(const std::function<bool(std::uint64_t)>& gone);

  /// Of the examples whose label is among `labels`: latents, and whether each is held.
  std::pair<LabelledLatents, std::vector<bool>> known_among(const std::vector<std::string>& labels) const;

  friend bool operator==(const CoreSet&, const CoreSet&) = default;

 private:
  friend CoreSet parse_core_set(std::string_view, const std::string&);

  std::string basis_;
  std::size_t classes_ = 0;
  std::vector<CoreExample> examples_;
};

std::string to_json(const CoreSet& core);
/// Throws Failure(corrupt) beginning with `name`.
CoreSet parse_core_set(std::string_view json, const std::string& name);

}  // namespace dormouse::learning
