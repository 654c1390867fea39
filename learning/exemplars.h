#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "learning/latents.h"
#include "learning/packing.h"
#include "learning/random.h"

namespace dormouse::learning {

/// Which of the examples offered a full memory keeps.
enum class Selection {
  reservoir,    ///< each example offered so far with the same probability (Vitter 1985, algorithm R)
  balanced,     ///< class-balanced reservoir (Chrysakis and Moens 2020): a full class is a reservoir itself
  prioritised,  ///< with probability rising as importance^α (Efraimidis and Spirakis 2006, A-Res)
  diverse,      ///< balanced, but a near-duplicate replaces the kept example it resembles
  greedy        ///< whatever is offered while its class is not the largest (GDumb, Prabhu 2020)
};

struct ExemplarOptions {
  std::size_t budget_bytes = 64 * 1024;
  Packing packing = {};
  Selection selection = Selection::balanced;
  std::size_t label_bytes = 1;  ///< 1 or 2
  /// Logits kept beside each exemplar, as f16: the first so many. 0: none.
  std::size_t logits = 0;
  double alpha = 1;  ///< prioritised: how much importance counts
  /// diverse: nearer than this share of the class's typical distance is a near-duplicate.
  double near = 0.5;
  /// An example whose packed bytes and label are kept already is not counted again: several passes over the
  /// same examples keep them once.
  bool distinct = false;
  std::uint64_t seed = 1;
};

/// Examples to rehearse, under a budget in bytes.
///
/// An exemplar takes item_bytes(): packed values, their scale, the label, logits and, when prioritised, its
/// key (4 B). What is kept is bytes; values come back as the packing leaves them. Deterministic under
/// options.seed: the same offers and draws give the same memory. Not thread-safe.
class ExemplarMemory {
 public:
  /// `width`: values an example has. Throws Failure(invalid) when not one exemplar fits the budget, or the
  /// packing does not fit the width.
  ExemplarMemory(std::size_t width, ExemplarOptions options);

  /// Shows an example once; true when it is kept now. A label too large for label_bytes, another width, fewer
  /// logits than options.logits, or values that are not finite are Failure(invalid).
  bool offer(std::span<const float> values, ClassIndex label, std::span<const float> logits = {},
             float importance = 1);
  void offer(const LabelledLatents& examples);
  /// Lets every exemplar of a class go and forgets how many there were. Returns how many went.
  std::size_t forget(ClassIndex label);

  std::size_t size() const { return labels_.size(); }
  std::size_t capacity() const { return options_.budget_bytes / item_bytes(); }
  std::size_t item_bytes() const;
  /// Kept now, payload only.
  std::size_t bytes() const { return size() * item_bytes(); }
  std::size_t width() const { return width_; }
  const ExemplarOptions& options() const { return options_; }
  std::span<const ClassIndex> labels() const { return labels_; }
  /// Kept exemplars by class; the highest class met sets the length.
  std::vector<std::size_t> counts() const;

  /// Unpacked, in this order.
  LabelledLatents gather(std::span<const std::size_t> rows) const;
  LabelledLatents all() const;
  /// Their logits, f32 [rows, options.logits].
  Tensor logits(std::span<const std::size_t> rows) const;

  /// `count` different rows, every exemplar alike; all of them, in random order, when there are no more.
  std::vector<std::size_t> draw(std::size_t count);
  /// `count` rows, every class alike, an exemplar again only when its class has no other left.
  std::vector<std::size_t> draw_balanced(std::size_t count);

  /// Everything, as tensors to be stored; restoring needs the same width and options (Failure(corrupt)
  /// otherwise), and goes on exactly where this stands.
  std::map<std::string, Tensor> state() const;
  void restore(const std::map<std::string, Tensor>& state);

 private:
  struct ClassRecord {
    double offered = 0;   ///< so far
    bool full = false;    ///< was once the largest, so it is a reservoir of its own
    double distance = 0;  ///< Σ of nearest distances within the class, over `measured` offers
    double measured = 0;
  };

  bool holds(std::span<const float> values, ClassIndex label) const;
  std::optional<std::size_t> slot_for(std::span<const float> values, ClassIndex label, float importance);
  std::optional<std::size_t> balanced_slot(ClassIndex label);
  std::optional<std::size_t> prioritised_slot(float importance);
  std::optional<std::size_t> greedy_slot(ClassIndex label);
  std::optional<std::size_t> resembling(std::span<const float> values, ClassIndex label);
  std::size_t any_of(ClassIndex label);
  std::vector<ClassIndex> largest() const;
  void put(std::size_t slot, std::span<const float> values, ClassIndex label, std::span<const float> logits);
  void drop(std::size_t slot);

  std::size_t width_;
  ExemplarOptions options_;
  Packer packer_;
  Random random_;
  std::vector<std::byte> packed_;      ///< [size, packer bytes]
  std::vector<std::uint16_t> logits_;  ///< [size, options.logits], f16
  std::vector<ClassIndex> labels_;
  std::vector<float> keys_;  ///< prioritised: ln(u) / importance^α
  std::vector<ClassRecord> classes_;
  double offered_ = 0;
  float key_ = 0;  ///< of the example that is being offered
};

}  // namespace dormouse::learning
