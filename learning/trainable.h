#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// What of a model a night may change.
struct Trainable {
  /// Parameters behind the cut by name, '*' standing for anything; `head.*` means all of them, whatever they
  /// are called.
  std::vector<std::string> patterns = {"head.*"};
  /// Above 0: low-rank adapters instead (patterns say nothing then).
  std::size_t rank = 0;
  bool trunk = false;     ///< everything, what lies before the cut included
  bool anywhere = false;  ///< patterns are looked for before the cut, too

  friend bool operator==(const Trainable&, const Trainable&) = default;
};

inline constexpr std::size_t kLeastRank = 2, kMostRank = 256;

/// The word of a configuration: `head.*`, `lora(8)` or `all`. Nothing when it is none of them, or the rank is
/// not from kLeastRank to kMostRank.
std::optional<Trainable> parse_trainable(std::string_view word);

/// Metadata of a graph: the value at which its fixed front end (log-mel, normalisation) is over.
inline constexpr const char* kFrontEnd = "dormouse.front_end";

/// Makes `graph` a model of which training changes only this much behind `cut`: everything else there is
/// frozen, and adapters are inserted that change nothing yet. The last linear layer always learns, for it
/// grows with every new class; and a bias learns with its weights. With `trunk` all learns but the front end
/// and constants that are subtracted or divided by.
///
/// Adapters (Hu et al. 2021; Houlsby et al. 2019): a linear layer W·x + b behind the cut, but for the last
/// one, becomes W·x + b + U·(V·x + v), V and v of `rank` rows, U starting at zero. Where the last one stands
/// alone that would add nothing to it, and it reads x + U·relu(V·x + v) instead of the latent x. V is random
/// and the same every time; on the latent it is drawn in the coordinates of `scale`, where one is given.
///
/// Where patterns stand for names anywhere, all else before the cut is frozen as well.
///
/// Throws Failure(configuration) when a pattern names nothing, or adapters find no last linear layer.
void apply(engine::Graph& graph, engine::ValueId cut, const Trainable& trainable, const LatentScale* scale);

}  // namespace dormouse::learning
