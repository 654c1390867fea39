#include "learning/kernel_fit.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {
namespace {

constexpr std::size_t kMedianRows = 512;
constexpr std::size_t kRowsAPiece = 64;
constexpr std::size_t kPiece = std::size_t{1} << 25;  // multiplications: some ms
constexpr double kAlike = 2;                          // from -1 far away to +1 at its examples

/// The median squared distance between different examples, of at most kMedianRows evenly chosen ones.
double typical_distance(const LabelledLatents& examples) {
  const std::size_t step = (examples.size() + kMedianRows - 1) / kMedianRows;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < examples.size(); i += step) chosen.push_back(i);
  const Tensor rows = gather(examples, chosen).latents;
  const Tensor distances = engine::squared_distances(rows, rows);
  std::vector<float> between;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) between.push_back(distances.values<float>()[i * chosen.size() + j]);
  if (between.empty()) return 1;
  const auto middle = between.begin() + std::ssize(between) / 2;
  std::ranges::nth_element(between, middle);
  return *middle > 0 ? double{*middle} : 1;
}

std::vector<double> ridges(std::span<const ClassIndex> labels, std::size_t classes,
                           const KernelOptions& options) {
  std::vector<double> count(classes), ridge;
  for (const ClassIndex c : labels) ++count.at(c);
  const auto present = std::ranges::count_if(count, [](double n) { return n > 0; });
  const double mean = double(labels.size()) / double(present);
  for (const ClassIndex c : labels)
    ridge.push_back(options.ridge * std::pow(count[c] / mean, options.balance));
  return ridge;
}

}  // namespace

KernelFit::KernelFit(LabelledLatents examples, std::size_t classes, KernelOptions options)
    : examples_(std::move(examples)), classes_(classes), width_(options.width) {
  ensure(examples_.size() > 0, "examples to learn from");
  ensure(std::ranges::max(examples_.classes) < classes, "known classes");
  if (!std::ranges::all_of(examples_.latents.values<float>(), [](float x) { return std::isfinite(x); }))
    throw Failure(Errc::invalid, "an example has values that are not finite");
  ridge_ = ridges(examples_.classes, classes_, options);
  kernel_.reserve(examples_.size() * examples_.size());
  weights_ = Tensor(engine::DType::f32, Shape{std::int64_t(examples_.size()), std::int64_t(classes_)});
}

bool KernelFit::advance() {
  if (sharpness_ == 0) {
    sharpness_ = static_cast<float>(width_ / typical_distance(examples_));
  } else if (compared_ < examples_.size()) {
    compare_more();
  } else if (!factor_) {
    factor_ = Cholesky::begin(std::move(kernel_), examples_.size());
  } else if (!factor_->advance(kPiece) && solved_ < classes_) {
    solve_more();
  }
  return solved_ < classes_;
}

void KernelFit::compare_more() {
  const std::size_t n = examples_.size(), from = compared_, to = std::min(from + kRowsAPiece, n);
  const Tensor rows = examples_.latents.rows(std::int64_t(from), std::int64_t(to - from));
  const Tensor before = examples_.latents.rows(0, std::int64_t(to));
  const Tensor similar = engine::gaussian_similarities(rows, before, sharpness_);
  kernel_.resize(to * n);  // a piece at a time: the first touch of memory is not free
  for (std::size_t i = from; i < to; ++i) {
    const auto row = similar.values<float>().subspan((i - from) * to, i + 1);
    std::ranges::copy(row, kernel_.begin() + std::ptrdiff_t(i * n));
    kernel_[i * n + i] += ridge_[i];
  }
  compared_ = to;
}

/// A few classes at a time.
void KernelFit::solve_more() {
  const std::size_t n = examples_.size(), first = solved_;
  const std::size_t columns = std::clamp<std::size_t>(kPiece / (2 * n * n), 1, classes_ - first);
  std::vector<double> targets(n * columns);
  for (std::size_t i = 0; i < n; ++i)
    if (const std::size_t c = examples_.classes[i]; c >= first && c < first + columns)
      targets[i * columns + c - first] = kAlike;
  factor_->solve(targets, columns);
  const auto weights = weights_.mutable_values<float>();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < columns; ++c)
      weights[i * classes_ + first + c] = static_cast<float>(targets[i * columns + c]);
  solved_ += columns;
}

engine::KernelHead KernelFit::head() const {
  ensure(solved_ == classes_, "a fit that is done");
  return {examples_.latents, weights_, sharpness_};
}

engine::KernelHead fit_kernel(LabelledLatents examples, std::size_t classes, KernelOptions options) {
  KernelFit fit(std::move(examples), classes, options);
  while (fit.advance()) {
  }
  return fit.head();
}

}  // namespace dormouse::learning
