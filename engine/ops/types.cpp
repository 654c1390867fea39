#include "engine/ops/types.h"

#include "engine/kernels/convert.h"

namespace dormouse::engine {
namespace {

bool stored_as_half(const View& view) {
  return view.present() && (view.dtype == DType::f16 || view.dtype == DType::bf16);
}

void copy(const View& from, const View& to) {
  convert(from.dtype, from.data, to.dtype, to.data, static_cast<std::size_t>(from.elements()));
}

/// Views of which those in half precision are replaced by f32 storage.
class WideViews {
 public:
  explicit WideViews(std::span<const View> views) : views_(views.begin(), views.end()) {
    storage_.reserve(views_.size());
    for (View& view : views_) {
      if (!stored_as_half(view)) continue;
      storage_.emplace_back(DType::f32, *view.shape);
      view.dtype = DType::f32;
      view.data = storage_.back().mutable_data();
    }
  }
  std::span<const View> views() const { return views_; }

 private:
  std::vector<View> views_;
  std::vector<Tensor> storage_;
};

}  // namespace

void run_widened(Kernel kernel, const KernelContext& context) noexcept {
  const WideViews inputs(context.inputs), outputs(context.outputs);
  for (std::size_t i = 0; i < context.inputs.size(); ++i)
    if (stored_as_half(context.inputs[i])) copy(context.inputs[i], inputs.views()[i]);
  kernel({inputs.views(), outputs.views(), context.attributes, context.scratch});
  for (std::size_t i = 0; i < context.outputs.size(); ++i)
    if (stored_as_half(context.outputs[i])) copy(outputs.views()[i], context.outputs[i]);
}

}  // namespace dormouse::engine
