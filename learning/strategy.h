#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace dormouse::learning {

/// Ways of learning something new beside what is known. What each one does is its Recipe.
enum class Strategy {
  finetune,
  joint,
  ewc,
  si,
  lwf,
  replay,
  replay_ewc,
  ace,
  derpp,
  ace_derpp,
  gdumb,
  slda,
  ridge
};

/// What keeps parameters from leaving where earlier tasks put them.
enum class Hold {
  none,
  fisher,  ///< online EWC: the diagonal of the Fisher information
  path     ///< synaptic intelligence: what each parameter contributed to the fall of the loss
};

/// A strategy as data: one implementation (StrategyTrainer) runs every one that follows gradients.
struct Recipe {
  Strategy strategy;
  std::string_view word;     ///< in configurations and reports
  std::string_view summary;  ///< one line, with its source, for --help and README
  bool rehearses = false;    ///< trains on what memory holds, too
  Hold hold = Hold::none;
  bool masks = false;        ///< fresh examples compete only with classes met in their batch, or never
  bool distils = false;      ///< keeps the answers of the model as it was before, at a temperature
  bool logits = false;       ///< memory keeps the logits that the model gave when it met an example
  bool starts_over = false;  ///< trains from its first weights when the task ends, by what memory then holds
  bool analytic = false;     ///< solved in closed form, without a gradient
};

std::span<const Recipe> recipes();
const Recipe& recipe(Strategy strategy);
std::string_view word(Strategy strategy);
/// Nothing when no strategy has this name.
std::optional<Strategy> strategy_named(std::string_view name);

/// The numbers of a recipe; each is read by the strategies that use it.
struct Knobs {
  float momentum = 0;
  float alpha = 0.5f;  ///< der++: weight of the kept logits' squared error, a mean over elements
  float beta = 0.5f;   ///< der++: weight of the rehearsed labels
  /// Strength of the hold: λ of EWC, c of SI. Nothing: EWC by how much is replayed (ewc_lambda_for), SI 1.
  std::optional<float> lambda = {};
  float decay = 1;         ///< of the Fisher information before, when a task is added
  float damping = 0.1f;    ///< SI: ξ
  float temperature = 2;   ///< lwf: of both answers
  float distillation = 1;  ///< lwf: weight of the old answers
};

}  // namespace dormouse::learning
