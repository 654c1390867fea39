#include "engine/pieces.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

namespace dormouse::engine {
namespace {

constexpr std::size_t kMostOperands = 12;

// Where all operands are alike, pieces begin at whole cache lines of any type.
constexpr std::int64_t kLine = 64;
// Pooling compares where others stream: an element costs some eight times its bytes.
constexpr std::int64_t kPooling = 8;
// Runs of what is summed: at most so many, each of so many multiplications for one addition at the end, and
// all sums in so many bytes.
constexpr std::int64_t kMostSums = 8, kWorthASum = 64, kSumBytes = 1 << 26;

std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

/// Finds along what a call is cut, and what that costs.
class Pieces::Making {
 public:
  Making(const Op& op, const KernelContext& whole) : op_(op), whole_(whole) {
    for (const auto views : {whole.inputs, whole.outputs})
      for (const View& view : views) {
        views_.push_back(view);
        shapes_.push_back(view.present() ? *view.shape : Shape{});
      }
  }

  /// Whether it can be cut. All operands have their dimension then, or none where all items share them.
  bool find() {
    if (views_.size() > kMostOperands || whole_.outputs.empty()) return false;
    dimensions_.resize(views_.size());
    return op_.elementwise ? elementwise() : by_images();
  }

  std::shared_ptr<const Pieces> make(const Parallel* parallel) {
    std::shared_ptr<Pieces> result(new Pieces);
    result->parallel_ = parallel;
    result->items_ = items_;
    result->unit_ = unit_;
    result->summed_ = summed_;
    for (std::size_t i = 0; i < views_.size(); ++i) result->steps_.push_back(step(i));
    const std::int64_t units = (items_ + unit_ - 1) / unit_, all = cost();
    if (summed_) {
      const View& sum = whole_.outputs[0];
      result->sum_bytes_ = rounded(static_cast<std::size_t>(sum.elements()) * size_of(sum.dtype));
      const std::int64_t elements = std::max<std::int64_t>(1, sum.elements());
      result->pieces_ = std::clamp<std::int64_t>(
          std::min({units, all / elements / kWorthASum,
                    kSumBytes / std::max<std::int64_t>(1, static_cast<std::int64_t>(result->sum_bytes_))}),
          1, kMostSums);
      result->parts_ = parts_of(parallel, result->pieces_, all / result->pieces_);
    } else {
      result->pieces_ = result->parts_ = parts_of(parallel, units, all / units);
    }
    if (result->pieces_ == 1) return nullptr;
    cut(*result);
    if (op_.scratch) result->scratch_ = rounded(scratch_of_first(*result));
    return result;
  }

 private:
  /// Broadcasting aligns operands at their last dimensions; the first of the output's that is not 1 is cut.
  bool elementwise() {
    if (op_.scratch) return false;
    const Shape out = shapes_[whole_.inputs.size()];
    const bool alike = std::ranges::all_of(
        shapes_, [&](const Shape& shape) { return shape == out || shape.elements() == 1; });
    if (alike) {
      for (Shape& shape : shapes_) shape = {shape.elements()};
      unit_ = kLine;
    }
    const Shape& shape = shapes_[whole_.inputs.size()];
    std::size_t d = 0;
    while (d < shape.rank() && shape[d] == 1) ++d;
    if (d == shape.rank() || shape.elements() == 0) return false;
    items_ = shape[d];
    for (std::size_t i = 0; i < views_.size(); ++i) {
      const std::size_t missing = shape.rank() - shapes_[i].rank();
      if (shapes_[i].rank() <= shape.rank() && d >= missing && shapes_[i][d - missing] != 1)
        dimensions_[i] = d - missing;
    }
    return true;
  }

  bool by_images() {
    const std::optional<ByImages>& way = op_.by_images;
    if (!way || shapes_[0].rank() == 0 || shapes_[0].elements() == 0) return false;
    // Where a window has its largest element is told by its index among all images.
    if (whole_.outputs.size() > 1 && whole_.outputs[1].present()) return false;
    items_ = shapes_[0][0];
    summed_ = way->summed;
    for (std::size_t i = 0; i < views_.size(); ++i) {
      const bool is_output = i >= whole_.inputs.size();
      if (is_output ? !summed_ : i < way->inputs.size() && way->inputs[i]) dimensions_[i] = 0;
    }
    const auto products = [&](std::size_t outer, std::size_t weights) {
      const Shape &y = outer == ByImages::kOutput ? *whole_.outputs[0].shape : shapes_[outer],
                  &w = shapes_[weights];
      return y.elements() * w.elements(1, w.rank());
    };
    if (way->weights == ByImages::kNone)
      weight_ = kPooling;
    else
      products_ = products(way->outer, way->weights);
    return true;
  }

  std::size_t step(std::size_t i) const {
    if (!dimensions_[i]) return 0;
    return static_cast<std::size_t>(shapes_[i].elements(*dimensions_[i] + 1, shapes_[i].rank())) *
           size_of(views_[i].dtype);
  }

  /// Of all, as parts_of() counts.
  std::int64_t cost() const {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < views_.size(); ++i) bytes += static_cast<std::int64_t>(step(i)) * items_;
    return products_ + bytes * weight_;
  }

  void cut(Pieces& result) const {
    for (std::int64_t piece = 0; piece < result.pieces_; ++piece) {
      const auto [first, end] = result.items_of(piece);
      for (std::size_t i = 0; i < views_.size(); ++i) {
        Shape& shape = result.shapes_.emplace_back(shapes_[i]);
        if (dimensions_[i]) shape[*dimensions_[i]] = end - first;
      }
    }
  }

  /// No later one has more items.
  std::size_t scratch_of_first(const Pieces& result) const {
    std::vector<View> views = views_;
    for (std::size_t i = 0; i < views.size(); ++i)
      if (views[i].present()) views[i].shape = &result.shapes_[i];
    const std::span<const View> all(views);
    return op_.scratch(
        {all.first(whole_.inputs.size()), all.subspan(whole_.inputs.size()), whole_.attributes, {}});
  }

  const Op& op_;
  const KernelContext& whole_;
  std::vector<View> views_;
  std::vector<Shape> shapes_;  ///< by operand, as they are cut
  std::vector<std::optional<std::size_t>> dimensions_;
  std::int64_t items_ = 0, unit_ = 1, products_ = 0, weight_ = 1;
  bool summed_ = false;
};

std::shared_ptr<const Pieces> Pieces::of(const Op& op, const KernelContext& whole, const Parallel* parallel) {
  const bool summed = op.by_images && op.by_images->summed;  // in runs, however many threads there are
  if (!parallel && !summed) return nullptr;
  Making making(op, whole);
  return making.find() ? making.make(parallel) : nullptr;
}

std::size_t Pieces::scratch_bytes() const {
  const std::int64_t sums = !summed_ ? 0 : parts_ == 1 ? 1 : pieces_ - 1;  // besides the output itself
  return static_cast<std::size_t>(parts_) * scratch_ + static_cast<std::size_t>(sums) * sum_bytes_;
}

Run Pieces::items_of(std::int64_t piece) const {
  const auto [first, end] = run_of(pieces_, (items_ + unit_ - 1) / unit_, piece);
  return {first * unit_, std::min(items_, end * unit_)};
}

void Pieces::run(Kernel kernel, const KernelContext& whole) const {
  const auto part_of = [&](std::int64_t part, std::int64_t first, std::int64_t end) {
    const auto scratch = whole.scratch.subspan(static_cast<std::size_t>(part) * scratch_, scratch_);
    for (std::int64_t piece = first; piece < end; ++piece) {
      run_piece(kernel, whole, piece, scratch);
      if (parts_ == 1) add_sum(whole, piece);
    }
  };
  in_parts(parallel_, parts_, pieces_, part_of);
  for (std::int64_t piece = 0; piece < pieces_ && parts_ > 1; ++piece) add_sum(whole, piece);
}

void Pieces::run_piece(Kernel kernel, const KernelContext& whole, std::int64_t piece,
                       std::span<std::byte> scratch) const {
  std::array<View, kMostOperands> views;
  const std::size_t inputs = whole.inputs.size(), operands = steps_.size();
  const auto first = static_cast<std::size_t>(items_of(piece).first);
  for (std::size_t i = 0; i < operands; ++i) {
    View& view = views[i] = i < inputs ? whole.inputs[i] : whole.outputs[i - inputs];
    if (!view.present()) continue;
    view.shape = &shapes_[static_cast<std::size_t>(piece) * operands + i];
    view.data += first * steps_[i];
    if (i == inputs && summed_) view.data = sum_of(whole, piece);
  }
  const auto all = std::span<const View>(views).first(operands);
  kernel({all.first(inputs), all.subspan(inputs), whole.attributes, scratch});
}

std::byte* Pieces::sum_of(const KernelContext& whole, std::int64_t piece) const {
  if (piece == 0) return whole.outputs[0].data;
  const auto place = static_cast<std::size_t>(parts_ == 1 ? 0 : piece - 1);
  return whole.scratch.data() + static_cast<std::size_t>(parts_) * scratch_ + place * sum_bytes_;
}

void Pieces::add_sum(const KernelContext& whole, std::int64_t piece) const {
  if (!summed_ || piece == 0) return;
  const auto add = [&]<class T>(std::span<T> to) {
    std::ranges::transform(to, std::span(reinterpret_cast<const T*>(sum_of(whole, piece)), to.size()),
                           to.begin(), std::plus{});
  };
  const View& out = whole.outputs[0];
  out.dtype == DType::f64 ? add(out.values<double>()) : add(out.values<float>());
}

}  // namespace dormouse::engine
