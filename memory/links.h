#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "memory/concepts.h"
#include "memory/episode.h"

namespace dormouse::memory {

/// How two concepts belong together.
enum class LinkKind : std::uint8_t {
  confused_with,  ///< what was answered as the one was said to be the other
  follows,        ///< episodes of the other came next in the same stream
  seen_together   ///< episodes of both were lived at the same moment
};
std::string_view word(LinkKind kind);

/// An edge of semantic memory. Links are never edited into another meaning: one that no longer holds is
/// closed.
struct Link {
  std::int64_t source = 0;  ///< concept; closed links may name concepts that are gone
  std::int64_t target = 0;
  LinkKind kind{};
  double weight = 0;  ///< observations, each fading with a time constant of 30 days
  Clock::Wall valid_from{};
  std::optional<Clock::Wall> valid_to{};  ///< nothing: it holds
  std::string source_label{};
  std::string target_label{};
};

/// A link seen in episodes, between concepts by their place in a list.
struct ObservedLink {
  std::size_t source = 0;
  std::size_t target = 0;
  LinkKind kind{};
  double count = 0;
};

/// Counts the links between `concepts` (borrowed) that episodes of one model show. An episode stands for the
/// nearest concept of its label, or, unlabelled, of what it was answered with; a concept is not linked to
/// itself.
class LinkTally {
 public:
  static constexpr std::chrono::seconds kGap{60};           ///< follows: at most so long after
  static constexpr std::chrono::milliseconds kMoment{500};  ///< seen together: at most so far apart

  explicit LinkTally(std::span<const Concept> concepts) : concepts_(concepts) {}

  /// The next episode in order of id: what it follows, and what was seen with it, in another stream or in the
  /// same batch.
  void see(const Episode& episode);
  /// An episode that was given its label: a confusion when that is not what it was answered with.
  void corrected(const Episode& episode);

  std::vector<ObservedLink> links() const;

 private:
  struct Sight {
    std::string stream;
    Clock::Wall time;
    std::size_t concept_at;
  };
  std::optional<std::size_t> place_of(const Episode& episode, const std::string& label) const;
  void count(std::size_t source, std::size_t target, LinkKind kind);

  std::span<const Concept> concepts_;
  std::map<std::string, Sight> last_;  ///< by stream
  std::vector<Sight> moment_;          ///< all within kMoment of the newest
  std::map<std::tuple<std::size_t, std::size_t, LinkKind>, double> counts_;
};

}  // namespace dormouse::memory
