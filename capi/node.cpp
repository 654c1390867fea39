#include "capi/node.h"

#include "capi/error.h"
#include "capi/tensor.h"

using namespace dormouse;
using namespace dormouse::capi;

dormouse_node::dormouse_node(engine::InferContext& context)
    : attributes(context.attributes()), inferring(&context), output_count(context.outputs()) {
  for (std::size_t i = 0; i < context.inputs(); ++i) {
    given.push_back(context.has_input(i));
    inputs.push_back(described(context.input(i)));
  }
}

dormouse_node::dormouse_node(const engine::KernelContext& context)
    : attributes(context.attributes), output_count(context.outputs.size()) {
  for (const engine::View& view : context.inputs) {
    given.push_back(view.present());
    inputs.push_back(view.present() ? described(view) : dormouse_tensor{});
  }
  for (const engine::View& view : context.outputs) outputs.push_back(described(view));
}

void dormouse_node::check(dormouse_status status, const std::string& where) const {
  if (status == DORMOUSE_OK) return;
  const std::string text =
      why.empty() ? "failed with status " + std::to_string(static_cast<int>(status)) : why;
  throw Failure(errc_of(status), where + ": " + text);
}

size_t dormouse_node_input_count(const dormouse_node* node) { return node->inputs.size(); }

size_t dormouse_node_output_count(const dormouse_node* node) { return node->output_count; }

const dormouse_tensor* dormouse_node_input(const dormouse_node* node, size_t index) {
  return index < node->inputs.size() && node->given[index] ? &node->inputs[index] : nullptr;
}

const dormouse_tensor* dormouse_node_output(const dormouse_node* node, size_t index) {
  return index < node->outputs.size() ? &node->outputs[index] : nullptr;
}

dormouse_status dormouse_node_set_output(dormouse_node* node, size_t index, dormouse_type type, int32_t rank,
                                         const int64_t* shape) {
  dormouse_error error;
  const dormouse_status status = guarded(&error, [&] {
    const std::string what = "output " + std::to_string(index);
    if (!node->inferring) throw Failure(Errc::conflict, what + ": its shape is set already");
    if (index >= node->output_count) throw Failure(Errc::invalid, what + ": there is none");
    const engine::DType dtype = dtype_of(type, what);
    if (rank == DORMOUSE_UNKNOWN_RANK)
      node->inferring->set_output(index, dtype);
    else
      node->inferring->set_output(index, dtype, shape_of(rank, shape, DORMOUSE_DYNAMIC, what));
  });
  return status == DORMOUSE_OK ? status : dormouse_node_fail(node, status, error.message);
}

namespace {

template <class T>
const T* attribute(const dormouse_node* node, const char* name) {
  const auto found = node->attributes.entries().find(std::string_view(name));
  return found == node->attributes.entries().end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

int64_t dormouse_node_integer(const dormouse_node* node, const char* name, int64_t fallback) {
  const auto* found = attribute<std::int64_t>(node, name);
  return found ? *found : fallback;
}

float dormouse_node_float(const dormouse_node* node, const char* name, float fallback) {
  const auto* found = attribute<float>(node, name);
  return found ? *found : fallback;
}

const char* dormouse_node_string(const dormouse_node* node, const char* name, const char* fallback) {
  const auto* found = attribute<std::string>(node, name);
  return found ? found->c_str() : fallback;
}

dormouse_status dormouse_node_fail(dormouse_node* node, dormouse_status code, const char* message) {
  return guarded(nullptr, [&] { node->why = message; }) == DORMOUSE_OK ? code : DORMOUSE_TOO_LARGE;
}
