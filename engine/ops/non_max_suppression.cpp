#include <algorithm>
#include <array>
#include <functional>

#include "engine/kernel_call.h"
#include "engine/ops/inference.h"

/// NonMaxSuppression(boxes [N, B, 4], scores [N, C, B], most per class?, IoU threshold?, score threshold?):
/// of every class the best boxes that overlap no better one by more than the threshold, as rows [image,
/// class, box]. The shape depends on the data.
namespace dormouse::engine {
namespace {

struct Box {
  float top, left, bottom, right;
  float area = (bottom - top) * (right - left);
};

struct Task {
  const float *boxes, *scores;
  std::int64_t images, classes, count;  // boxes of an image
  std::int64_t most;
  float iou_threshold;
  std::optional<float> score_threshold;
  bool centred;  // boxes as [x centre, y centre, width, height] instead of two opposite corners

  Task(std::span<const View> inputs, const Attributes& attributes)
      : boxes(inputs[0].values<float>().data()),
        scores(inputs[1].values<float>().data()),
        images((*inputs[1].shape)[0]),
        classes((*inputs[1].shape)[1]),
        count((*inputs[1].shape)[2]),
        most(inputs.size() > 2 && inputs[2].present() ? integer_values(inputs[2])[0] : 0),
        iou_threshold(inputs.size() > 3 && inputs[3].present() ? inputs[3].values<float>()[0] : 0),
        centred(attributes.integer("center_point_box", 0) != 0) {
    if (inputs.size() > 4 && inputs[4].present()) score_threshold = inputs[4].values<float>()[0];
  }

  Box box(std::int64_t image, std::int64_t i) const {
    const float* const b = boxes + (image * count + i) * 4;
    if (centred) return {b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
    return {std::min(b[0], b[2]), std::min(b[1], b[3]), std::max(b[0], b[2]), std::max(b[1], b[3])};
  }
};

// Intersection over union; boxes without an area overlap nothing.
bool overlaps(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top),
              width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0 && width > 0 && a.area > 0 && b.area > 0)) return false;
  const float common = height * width;
  return common / (a.area + b.area - common) > threshold;
}

struct Candidate {
  float score;
  std::int64_t box;

  // Worse, or as good and further behind.
  bool operator<(const Candidate& other) const {
    return score < other.score || (score == other.score && box > other.box);
  }
};

// A heap of what is good enough; NaN is no score.
void find_candidates(const Task& task, const float* scores, std::vector<Candidate>& heap) {
  heap.clear();
  for (std::int64_t i = 0; i < task.count; ++i) {
    const bool enough = task.score_threshold ? scores[i] > *task.score_threshold : scores[i] == scores[i];
    if (enough) heap.push_back({scores[i], i});
  }
  std::ranges::make_heap(heap, std::less<>());
}

// Most candidates are never looked at once there are enough boxes, so they are not sorted.
std::vector<std::array<std::int64_t, 3>> select(const Task& task) {
  std::vector<std::array<std::int64_t, 3>> result;
  std::vector<Candidate> heap;
  std::vector<Box> kept;
  for (std::int64_t image = 0; image < task.images; ++image) {
    for (std::int64_t of = 0; of < task.classes && task.most > 0; ++of) {
      find_candidates(task, task.scores + (image * task.classes + of) * task.count, heap);
      kept.clear();
      while (!heap.empty() && static_cast<std::int64_t>(kept.size()) < task.most) {
        std::ranges::pop_heap(heap, std::less<>());
        const std::int64_t i = heap.back().box;
        heap.pop_back();
        const Box box = task.box(image, i);
        if (std::ranges::any_of(kept, [&](const Box& k) { return overlaps(box, k, task.iou_threshold); }))
          continue;
        kept.push_back(box);
        result.push_back({image, of, i});
      }
    }
  }
  return result;
}

void check(const InferContext& context) {
  for (std::size_t i = 0; i < 2; ++i)
    context.require(context.dtype(i) == DType::f32, "boxes and scores are not f32");
  check_attribute<std::int64_t>(context, "center_point_box");
  for (std::size_t i = 2; i < 5; ++i) {
    if (!context.has_input(i)) continue;
    context.require(context.dtype(i) == (i == 2 ? DType::i64 : DType::f32), "a limit is of the wrong type");
    context.require(!context.has_shape(i) || context.shape(i) == Shape{} || context.shape(i) == Shape{1},
                    "a limit is not a scalar");
  }
  if (!context.has_shape(0) || !context.has_shape(1)) return;
  const Shape &boxes = context.shape(0), &scores = context.shape(1);
  context.require(boxes.rank() == 3 && compatible(boxes[2], 4), "the boxes are not [N, B, 4]");
  context.require(scores.rank() == 3 && compatible(scores[0], boxes[0]) && compatible(scores[2], boxes[1]),
                  "the scores are not [N, C, B]");
}

void infer(InferContext& context) {
  check(context);
  std::vector<View> inputs;
  for (std::size_t i = 0; i < context.inputs(); ++i) {
    const Tensor* const known = context.constant(i);
    if (known == nullptr && context.has_input(i)) return context.set_output(0, DType::i64);
    inputs.push_back(known == nullptr ? View{} : view_of(*known));
  }
  const std::size_t selected = select(Task(inputs, context.attributes())).size();
  context.set_output(0, DType::i64, {static_cast<std::int64_t>(selected), 3});
}

void compute(const KernelContext& context) noexcept {
  std::int64_t* to = context.out<std::int64_t>(0).data();
  for (const auto& row : select(Task(context.inputs, context.attributes)))
    to = std::ranges::copy(row, to).out;
}

Tensor boxes() { return Tensor::from<float>({1, 3, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 10, 1, 11}); }

}  // namespace

namespace ops {
extern const Op non_max_suppression{
    .name = "NonMaxSuppression",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 5,
    .infer = infer,
    .kernels = {{DType::f32, compute}},
    .samples = {{.shapes = {{1, 3, 4}, {1, 1, 3}, {}, {}},
                 .fixed = {{0, boxes()},
                           {1, Tensor::from<float>({1, 1, 3}, {0.9f, 0.75f, 0.6f})},
                           {2, Tensor::scalar<std::int64_t>(2)},
                           {3, Tensor::scalar(0.5f)}}},
                {.shapes = {{1, 3, 4}, {1, 2, 3}, {1}},
                 .attributes = {{"center_point_box", std::int64_t{1}}},
                 .fixed = {{0, boxes()},
                           {1, Tensor::from<float>({1, 2, 3}, {0.9f, 0.75f, 0.6f, 0, 0.5f, 1})},
                           {2, Tensor::from<std::int64_t>({1}, {3})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
