#include "engine/plan.h"

#include <algorithm>

#include "engine/op.h"
#include "engine/parallel.h"
#include "engine/passes/pass.h"
#include "engine/split.h"

namespace dormouse::engine {
namespace {

bool shapes_known(const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) {
    return std::ranges::all_of(node.outputs, [&](ValueId id) {
      return graph.value(id).shape_known && graph.value(id).shape.is_static();
    });
  });
}

/// A region of the arena, or an input: the values that share it and the steps during which it is needed.
struct Region {
  std::size_t bytes = 0;
  std::size_t first = 0;
  std::size_t last = 0;
  Place place = {};
};

/// Finds which values share storage (views, in-place results) and how long each region lives.
class Lifetimes {
 public:
  explicit Lifetimes(const Plan& plan)
      : plan_(plan),
        graph_(plan.graph),
        region_of_(graph_.value_count(), kNone),
        end_(plan.steps.size() + 1) {
    find_last_reads();
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i)
      open(graph_.inputs()[i], 0, {Place::Kind::input, 0, i});
    for (std::size_t i = 0; i < plan.steps.size(); ++i) visit(plan.steps[i], i + 1);
  }

  static constexpr std::size_t kNone = SIZE_MAX;
  std::vector<Region>& regions() { return regions_; }
  std::size_t region_of(std::size_t value) const { return region_of_[value]; }

 private:
  void find_last_reads() {
    last_read_.assign(graph_.value_count(), 0);
    for (std::size_t i = 0; i < plan_.steps.size(); ++i)
      for (const ValueId id : plan_.steps[i].partition.inputs)
        last_read_[static_cast<std::size_t>(id)] = i + 1;
    for (const ValueId id : graph_.outputs()) last_read_[static_cast<std::size_t>(id)] = end_;
  }

  std::size_t bytes(ValueId id) const {
    const ValueInfo& value = graph_.value(id);
    return static_cast<std::size_t>(value.shape.elements()) * size_of(value.dtype);
  }

  void open(ValueId id, std::size_t step, Place place = {Place::Kind::arena}) {
    region_of_[static_cast<std::size_t>(id)] = regions_.size();
    regions_.push_back({bytes(id), step, std::max(step, last_read_[static_cast<std::size_t>(id)]), place});
  }

  void share(ValueId id, std::size_t region) {
    region_of_[static_cast<std::size_t>(id)] = region;
    regions_[region].last = std::max(regions_[region].last, last_read_[static_cast<std::size_t>(id)]);
  }

  void visit(const Step& step, std::size_t now) {
    if (!step.driver) {
      const Node& node = graph_.nodes()[step.partition.nodes.front()];
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        const std::size_t reused = i == 0 ? reusable(node, now) : kNone;
        if (reused == kNone)
          open(node.outputs[i], now);
        else
          share(node.outputs[i], reused);
      }
      return;
    }
    for (const ValueId id : step.partition.outputs) open(id, now);
  }

  std::size_t reusable(const Node& node, std::size_t now) const {
    if (node.inputs.empty() || node.inputs[0] == kAbsent) return kNone;
    const std::size_t region = region_of_[static_cast<std::size_t>(node.inputs[0])];
    if (region == kNone) return kNone;  // a constant
    if (node.op->is_view) return region;
    const ValueInfo& in = graph_.value(node.inputs[0]);
    const ValueInfo& out = graph_.value(node.outputs[0]);
    const bool fits = in.dtype == out.dtype && in.shape == out.shape;
    const bool ours = regions_[region].place.kind == Place::Kind::arena;
    const bool free =
        ours && node.op->in_place && node.outputs.size() == 1 && fits && regions_[region].last == now;
    return free && !read_again(node, region) ? region : kNone;
  }

  // Another input lies where the first does: scattered into it, it would change while it is read.
  bool read_again(const Node& node, std::size_t region) const {
    return std::any_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId id) {
      return id != kAbsent && region_of_[static_cast<std::size_t>(id)] == region;
    });
  }

  const Plan& plan_;
  const Graph& graph_;
  std::vector<std::size_t> region_of_;
  std::size_t end_;
  std::vector<std::size_t> last_read_;
  std::vector<Region> regions_;
};

std::size_t aligned(std::size_t bytes) { return (bytes + kReadSlack + 63) / 64 * 64; }

/// Largest first, each at the lowest offset that is free while it lives.
std::size_t pack(std::vector<Region>& regions) {
  std::vector<Region*> order;
  for (Region& region : regions)
    if (region.place.kind == Place::Kind::arena) order.push_back(&region);
  std::ranges::stable_sort(order, std::greater{}, &Region::bytes);
  std::vector<const Region*> placed;
  std::size_t total = 0;
  for (Region* region : order) {
    std::size_t offset = 0;
    for (const Region* other : placed) {  // by offset
      const bool overlap_in_time = other->first <= region->last && region->first <= other->last;
      if (!overlap_in_time) continue;
      if (offset + aligned(region->bytes) <= other->place.offset) break;
      offset = std::max(offset, other->place.offset + aligned(other->bytes));
    }
    region->place.offset = offset;
    total = std::max(total, offset + aligned(region->bytes));
    const auto by_offset = [](const Region* other) { return other->place.offset; };
    placed.insert(std::ranges::upper_bound(placed, offset, {}, by_offset), region);
  }
  return total;
}

/// An output that is computed lies where it is handed out, and with it what shares its storage: of several
/// outputs that do, the first.
void place_outputs(const Graph& graph, Lifetimes& lifetimes) {
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const std::size_t region = lifetimes.region_of(static_cast<std::size_t>(graph.outputs()[i]));
    if (region == Lifetimes::kNone) continue;  // a constant
    Place& place = lifetimes.regions()[region].place;
    if (place.kind == Place::Kind::arena) place = {Place::Kind::output, 0, i};
  }
}

}  // namespace

void place_values(Plan& plan, std::size_t arena_limit) {
  Lifetimes lifetimes(plan);
  place_outputs(plan.graph, lifetimes);
  plan.arena_bytes = pack(lifetimes.regions());
  if (plan.arena_bytes > arena_limit)
    throw Failure(Errc::too_large, "these input shapes need " + std::to_string(plan.arena_bytes >> 20) +
                                       " MiB of working memory, more than the limit of " +
                                       std::to_string(arena_limit >> 20) + " MiB");
  plan.places.assign(plan.graph.value_count(), {});
  for (std::size_t i = 0; i < plan.places.size(); ++i) {
    const std::size_t region = lifetimes.region_of(i);
    if (region != Lifetimes::kNone)
      plan.places[i] = lifetimes.regions()[region].place;
    else if (plan.graph.value(static_cast<ValueId>(i)).constant)
      plan.places[i] = {Place::Kind::constant};
  }
}

Plan make_plan(const Graph& graph, std::span<const Shape> shapes, std::span<const Driver* const> drivers,
               std::size_t arena_limit) {
  Plan plan;
  plan.graph = graph;
  for (std::size_t i = 0; i < shapes.size(); ++i) plan.graph.set_input_shape(graph.inputs()[i], shapes[i]);
  plan.graph.reinfer();
  optimise(plan.graph);  // shape arithmetic becomes constant now, and infers anew what follows from it
  if (!shapes_known(plan.graph)) {
    Split parts = split(plan.graph);
    plan.graph = std::move(parts.head);
    plan.tail = std::move(parts.tail);
  }
  plan.steps = partition(plan.graph, drivers);
  for (const Driver* const driver : drivers)
    if (const auto* const lender = dynamic_cast<const LendsThreads*>(driver); lender && !plan.parallel)
      plan.parallel = lender->lent();
  place_values(plan, arena_limit);
  return plan;
}

}  // namespace dormouse::engine
