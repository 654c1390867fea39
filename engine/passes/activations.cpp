#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/ops/casting.h"
#include "engine/passes/product.h"

/// Activations that exporters spell with arithmetic: hard sigmoid, hard swish, SiLU and GELU.
namespace dormouse::engine {
namespace {

struct Range {
  double low, high;
};

/// The bounds of a Clip, where they are known.
std::optional<Range> range_of(const Rewrite& rewrite, const Node& clip) {
  const auto bound = [&](std::size_t i, std::string_view attribute, double none) -> std::optional<double> {
    if (i < clip.inputs.size() && clip.inputs[i] != kAbsent)
      return rewrite.scalar(clip.inputs[i], clip.inputs[0]);
    const float* const given = clip.attributes.find<float>(attribute);
    return given ? static_cast<double>(*given) : none;
  };
  const auto low = bound(1, "min", -std::numeric_limits<double>::infinity());
  const auto high = bound(2, "max", std::numeric_limits<double>::infinity());
  if (!low || !high) return std::nullopt;
  return Range{*low, *high};
}

/// clip(alpha · x + beta, 0, 1), scaled: what stands between x and `value`.
struct Ramp {
  ValueId x;
  double alpha, beta, scale;
};

/// `value` as a ramp from 0 to `scale`: a HardSigmoid, or a Clip of a sum.
std::optional<Ramp> ramp(const Rewrite& rewrite, ValueId value) {
  if (const Node* const sigmoid = rewrite.maker(value, "HardSigmoid"))
    return Ramp{sigmoid->inputs[0], static_cast<double>(sigmoid->attributes.get<float>("alpha", 0.2f)),
                static_cast<double>(sigmoid->attributes.get<float>("beta", 0.5f)), 1};
  const Node* const clip = rewrite.maker(value, "Clip");
  if (!clip || !is_floating(rewrite.value(value).dtype)) return std::nullopt;
  const std::optional<Range> range = range_of(rewrite, *clip);
  const std::optional<Shifted> sum = shifted(rewrite, clip->inputs[0]);
  if (!sum || !range || range->low != 0 || !(range->high > 0) || !std::isfinite(range->high))
    return std::nullopt;
  const Product inner =
      rewrite.read_once(sum->value) ? product_of(rewrite, sum->value) : Product{1, {sum->value}};
  const bool scaled = inner.factors.size() == 1;
  return Ramp{scaled ? inner.factors[0] : sum->value, (scaled ? inner.scale : 1) / range->high,
              sum->shift / range->high, range->high};
}

/// scale · ramp with the result in [0, 1].
std::string_view fuse_hard_sigmoid(Rewrite& rewrite, const Product& product) {
  if (product.factors.size() != 1 || !rewrite.read_once(product.factors[0])) return {};
  const std::optional<Ramp> found = ramp(rewrite, product.factors[0]);
  if (!found || !means(found->scale * product.scale, 1)) return {};
  rewrite.replace("HardSigmoid", {found->x},
                  {{"alpha", static_cast<float>(found->alpha)}, {"beta", static_cast<float>(found->beta)}});
  return "Add, Clip and Div into HardSigmoid";
}

/// scale · x · ramp(x) as HardSwish has it: x · clip(x / 6 + ½, 0, 1).
std::string_view fuse_hard_swish(Rewrite& rewrite, const Product& product) {
  if (product.factors.size() != 2) return {};
  for (const std::size_t i : {0, 1}) {
    const std::optional<Ramp> found = ramp(rewrite, product.factors[i]);
    if (!found || found->x != product.factors[1 - i] || !rewrite.read_once(product.factors[i])) continue;
    if (!means(found->alpha, 1.0 / 6) || !means(found->beta, 0.5) || !means(found->scale * product.scale, 1))
      continue;
    rewrite.replace("HardSwish", {found->x});
    return "arithmetic into HardSwish";
  }
  return {};
}

/// x · sigmoid(alpha · x).
std::string_view fuse_swish(Rewrite& rewrite, const Product& product) {
  if (!product.is(1, 2)) return {};
  for (const std::size_t i : {0, 1}) {
    const ValueId gate = product.factors[i], x = product.factors[1 - i];
    const Node* const sigmoid = rewrite.maker(gate, "Sigmoid");
    if (!sigmoid || !rewrite.read_once(gate)) continue;
    const ValueId in = sigmoid->inputs[0];
    const Product scaled = in != x && rewrite.read_once(in) ? product_of(rewrite, in) : Product{1, {in}};
    if (scaled.factors.size() != 1 || scaled.factors[0] != x) continue;
    rewrite.replace("Swish", {x}, {{"alpha", static_cast<float>(scaled.scale)}});
    return "x · sigmoid(x) into Swish";
  }
  return {};
}

bool all_same(const Product& product, ValueId x) {
  return std::ranges::all_of(product.factors, [=](ValueId factor) { return factor == x; });
}

/// √(2/π)(x + 0.044715x³), as a sum or with x in front of 1 + 0.044715x².
bool is_tanh_argument(const Rewrite& rewrite, ValueId value, ValueId x) {
  constexpr double kSlope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi, kCubic = 0.044715;
  const Product outer = product_of(rewrite, value);
  if (!means(outer.scale, kSlope)) return false;
  if (outer.factors.size() == 2) {
    const std::size_t i = outer.factors[0] == x ? 1 : 0;
    const std::optional<Shifted> sum = shifted(rewrite, outer.factors[i]);
    if (outer.factors[1 - i] != x || !sum || !means(sum->shift, 1)) return false;
    const Product square = product_of(rewrite, sum->value);
    return square.is(kCubic, 2) && all_same(square, x);
  }
  const Node* const sum = outer.factors.size() == 1 ? rewrite.maker(outer.factors[0], "Add") : nullptr;
  if (!sum || (sum->inputs[0] != x && sum->inputs[1] != x)) return false;
  const Product cube = product_of(rewrite, sum->inputs[0] == x ? sum->inputs[1] : sum->inputs[0]);
  return cube.is(kCubic, 3) && all_same(cube, x);
}

/// ½x(1 + erf(x/√2)), or tanh(…) in erf's place.
std::string_view fuse_gelu(Rewrite& rewrite, const Product& product) {
  if (!product.is(0.5, 2)) return {};
  for (const std::size_t i : {0, 1}) {
    const ValueId x = product.factors[1 - i];
    const std::optional<Shifted> share = shifted(rewrite, product.factors[i]);
    if (!share || share->shift != 1 || !rewrite.read_once(product.factors[i]) ||
        !rewrite.read_once(share->value))
      continue;
    if (const Node* const erf = rewrite.maker(share->value, "Erf")) {
      const Product in = product_of(rewrite, erf->inputs[0]);
      if (!in.is(1 / std::numbers::sqrt2, 1) || in.factors[0] != x) continue;
      rewrite.replace("Gelu", {x});
      return "arithmetic and Erf into Gelu";
    }
    const Node* const tanh = rewrite.maker(share->value, "Tanh");
    if (!tanh || !is_tanh_argument(rewrite, tanh->inputs[0], x)) continue;
    rewrite.replace("Gelu", {x}, {{"approximate", std::string("tanh")}});
    return "arithmetic and Tanh into Gelu";
  }
  return {};
}

std::string_view rule(Rewrite& rewrite, const Node& node) {
  if (!is(node, "Mul") && !is(node, "Div")) return {};
  if (!is_floating(rewrite.value(node.outputs[0]).dtype)) return {};
  const Product product = product_of(rewrite, node);
  for (const auto fuse : {fuse_hard_sigmoid, fuse_hard_swish, fuse_swish, fuse_gelu})
    if (const std::string_view change = fuse(rewrite, product); !change.empty()) return change;
  return {};
}

Changes run(Graph& graph) { return rewrite(graph, rule); }

}  // namespace

extern const Pass activations{.name = "activation fusion", .run = run};

}  // namespace dormouse::engine
