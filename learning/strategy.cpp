#include "learning/strategy.h"

#include <algorithm>
#include <array>

#include "config/error.h"

namespace dormouse::learning {
namespace {

constexpr std::array kRecipes{
    Recipe{.strategy = Strategy::finetune,
           .word = "finetune",
           .summary = "plain SGD on what is new: the control that forgets"},
    Recipe{.strategy = Strategy::joint,
           .word = "joint",
           .summary = "all examples of all classes together from the first weights: the control to reach",
           .rehearses = true,
           .starts_over = true},
    Recipe{.strategy = Strategy::ewc,
           .word = "ewc",
           .summary = "online elastic weight consolidation, implicit step (Kirkpatrick 2017, Schwarz 2018)",
           .hold = Hold::fisher},
    Recipe{.strategy = Strategy::si,
           .word = "si",
           .summary = "synaptic intelligence (Zenke 2017)",
           .hold = Hold::path},
    Recipe{.strategy = Strategy::lwf,
           .word = "lwf",
           .summary = "learning without forgetting: old answers distilled (Li and Hoiem 2016)",
           .distils = true},
    Recipe{.strategy = Strategy::replay,
           .word = "replay",
           .summary = "experience replay: new and remembered examples alike",
           .rehearses = true},
    Recipe{.strategy = Strategy::replay_ewc,
           .word = "replay+ewc",
           .summary = "experience replay guarded by EWC",
           .rehearses = true,
           .hold = Hold::fisher},
    Recipe{.strategy = Strategy::ace,
           .word = "ace",
           .summary = "replay with an asymmetric loss, ER-ACE (Caccia 2022)",
           .rehearses = true,
           .masks = true},
    Recipe{.strategy = Strategy::derpp,
           .word = "der++",
           .summary = "dark experience replay: remembered logits too (Buzzega 2020)",
           .rehearses = true,
           .logits = true},
    Recipe{.strategy = Strategy::ace_derpp,
           .word = "ace+der++",
           .summary = "dark experience replay with the asymmetric loss: exemplars may be lossy",
           .rehearses = true,
           .masks = true,
           .logits = true},
    Recipe{.strategy = Strategy::gdumb,
           .word = "gdumb",
           .summary = "a greedily balanced memory and training from scratch on it (Prabhu 2020)",
           .rehearses = true,
           .starts_over = true},
    Recipe{.strategy = Strategy::slda,
           .word = "slda",
           .summary = "streaming linear discriminant analysis (Hayes and Kanan 2020)",
           .analytic = true},
    Recipe{.strategy = Strategy::ridge,
           .word = "ridge",
           .summary = "exact ridge regression, lifted by random features if asked",
           .analytic = true}};

}  // namespace

std::span<const Recipe> recipes() { return kRecipes; }

const Recipe& recipe(Strategy strategy) {
  const auto found = std::ranges::find(kRecipes, strategy, &Recipe::strategy);
  ensure(found != kRecipes.end(), "every strategy has a recipe");
  return *found;
}

std::string_view word(Strategy strategy) { return recipe(strategy).word; }

std::optional<Strategy> strategy_named(std::string_view name) {
  const auto found = std::ranges::find(kRecipes, name, &Recipe::word);
  if (found == kRecipes.end()) return std::nullopt;
  return found->strategy;
}

}  // namespace dormouse::learning
