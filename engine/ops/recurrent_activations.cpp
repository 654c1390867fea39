#include "engine/ops/recurrent_activations.h"

#include <algorithm>
#include <cctype>

#include "engine/kernels/exponential.h"
#include "engine/kernels/curves.h"

namespace dormouse::engine::recurrent {
namespace {

// By value, alpha and beta.
constexpr auto affine = [](auto x, auto a, auto b) { return a * x + b; };
constexpr auto elu = [](auto x, auto a, auto) { return x < 0 ? a * (fast_exp(x) - 1) : x; };
constexpr auto hard_sigmoid = [](auto x, auto a, auto b) {
  return std::min(std::max(a * x + b, decltype(x){0}), decltype(x){1});
};
constexpr auto leaky_relu = [](auto x, auto a, auto) { return x < 0 ? a * x : x; };
constexpr auto relu = [](auto x, auto, auto) { return std::max(x, decltype(x){0}); };
constexpr auto scaled_tanh = [](auto x, auto a, auto b) { return a * fast_tanh(b * x); };
constexpr auto sigmoid = [](auto x, auto, auto) { return fast_logistic(x); };
constexpr auto softplus = [](auto x, auto, auto) {
  return std::max(x, decltype(x){0}) + std::log1p(fast_exp(-std::abs(x)));
};
constexpr auto softsign = [](auto x, auto, auto) { return x / (1 + std::abs(x)); };
constexpr auto tanh = [](auto x, auto, auto) { return fast_tanh(x); };
constexpr auto thresholded_relu = [](auto x, auto a, auto) { return x > a ? x : decltype(x){0}; };

template <auto function, class T>
void each(T* values, std::int64_t count, T alpha, T beta) noexcept {
  for (std::int64_t i = 0; i < count; ++i) values[i] = function(values[i], alpha, beta);
}

// The usual ones.
template <>
void each<sigmoid, float>(float* values, std::int64_t count, float, float) noexcept {
  best_curves().logistic(values, values, count);
}
template <>
void each<tanh, float>(float* values, std::int64_t count, float, float) noexcept {
  best_curves().tanh(values, values, count);
}

template <class T>
struct Named {
  std::string_view name;
  int parameters;  // 1: alpha, 2: beta too
  Activation<T> activation;
};

// With the defaults of ONNX's operators of these names.
template <class T>
const std::vector<Named<T>>& known() {
  static const std::vector<Named<T>> table{{"affine", 2, {each<affine, T>, 1, 0}},
                                           {"elu", 1, {each<elu, T>, 1, 0}},
                                           {"hardsigmoid", 2, {each<hard_sigmoid, T>, T(0.2), T(0.5)}},
                                           {"leakyrelu", 1, {each<leaky_relu, T>, T(0.01), 0}},
                                           {"relu", 0, {each<relu, T>, 0, 0}},
                                           {"scaledtanh", 2, {each<scaled_tanh, T>, 1, 1}},
                                           {"sigmoid", 0, {each<sigmoid, T>, 0, 0}},
                                           {"softplus", 0, {each<softplus, T>, 0, 0}},
                                           {"softsign", 0, {each<softsign, T>, 0, 0}},
                                           {"tanh", 0, {each<tanh, T>, 0, 0}},
                                           {"thresholdedrelu", 1, {each<thresholded_relu, T>, 1, 0}}};
  return table;
}

std::string lower(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Gives out the entries of a list one by one.
class Parameters {
 public:
  explicit Parameters(std::vector<float> values) : values_(std::move(values)) {}
  template <class T>
  void next(T& parameter) {
    if (used_ < values_.size()) parameter = static_cast<T>(values_[used_++]);
  }

 private:
  std::vector<float> values_;
  std::size_t used_ = 0;
};

}  // namespace

template <class T>
std::optional<std::vector<Activation<T>>> activations(const Attributes& attributes, const Kind& kind,
                                                      std::size_t directions) {
  std::vector<std::string> names = attributes.get<std::vector<std::string>>("activations", {});
  if (names.empty())
    for (std::size_t d = 0; d < directions; ++d)
      names.insert(names.end(), kind.activations.begin(), kind.activations.end());
  if (names.size() != directions * kind.activations.size()) return std::nullopt;
  Parameters alphas(attributes.get<std::vector<float>>("activation_alpha", {})),
      betas(attributes.get<std::vector<float>>("activation_beta", {}));
  std::vector<Activation<T>> result;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(known<T>(), lower(name), &Named<T>::name);
    if (found == known<T>().end()) return std::nullopt;
    result.push_back(found->activation);
    result.back().name = found->name;
    if (found->parameters >= 1) alphas.next(result.back().alpha);
    if (found->parameters >= 2) betas.next(result.back().beta);
  }
  return result;
}

Value append(const Activation<double>& activation, Value x) {
  const auto [function, alpha, beta, name] = activation;
  const auto with = [x](std::string_view op, Attributes attributes) {
    return apply(op, {x}, std::move(attributes));
  };
  const auto a = static_cast<float>(alpha), b = static_cast<float>(beta);
  if (name == "affine") return x * alpha + beta;
  if (name == "elu") return with("Elu", {{"alpha", a}});
  if (name == "hardsigmoid") return with("HardSigmoid", {{"alpha", a}, {"beta", b}});
  if (name == "leakyrelu") return with("LeakyRelu", {{"alpha", a}});
  if (name == "relu") return engine::relu(x);
  if (name == "scaledtanh") return engine::tanh(x * beta) * alpha;
  if (name == "sigmoid") return engine::sigmoid(x);
  if (name == "softplus") return with("Softplus", {});
  if (name == "softsign") return with("Softsign", {});
  if (name == "thresholdedrelu") return with("ThresholdedRelu", {{"alpha", a}});
  ensure(name == "tanh", "an activation that activations() knows");
  return engine::tanh(x);
}

template std::optional<std::vector<Activation<float>>> activations(const Attributes&, const Kind&,
                                                                   std::size_t);
template std::optional<std::vector<Activation<double>>> activations(const Attributes&, const Kind&,
                                                                    std::size_t);

}  // namespace dormouse::engine::recurrent
