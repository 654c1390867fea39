#include "drivers/xnnpack/halves.h"

#include <algorithm>
#include <iterator>

#include "drivers/xnnpack/kernel.h"
#include "engine/halves.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

namespace dormouse::drivers::xnnpack {
namespace {

constexpr std::string_view kInHalves[] = {
    "Abs",         "Add",        "AveragePool", "Clip",      "Conv",
    "Div",         "Elu",        "Gemm",        "HardSwish", "GlobalAveragePool",
    "LeakyRelu",   "MatMul",     "Max",         "MaxPool",   "Min",
    "Mul",         "Neg",        "PRelu",       "Relu",      "Resize",
    "Sigmoid",     "Softmax",    "Sub",         "Sum",       "GlobalMaxPool",
    "HardSigmoid", "ReduceMean", "Swish",       "Tanh"};

}  // namespace

bool multiplies_halves() {
#if defined(__aarch64__)
  return (::getauxval(AT_HWCAP) & HWCAP_ASIMDHP) != 0;
#elif defined(__x86_64__)
  constexpr unsigned kAvx512Fp16 = 1u
                                   << 23;  // leaf 7, edx; what the system lets us use of it goes with AVX-512
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx512bw") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
         (d & kAvx512Fp16) != 0;
#else
  return false;
#endif
}

bool is_of_halves(const engine::Partition& partition) {
  const engine::Graph& graph = *partition.graph;
  const auto eight_bit = [&](engine::ValueId id) {
    return id != engine::kAbsent && is_quantized8(graph.value(id).dtype);
  };
  bool computes = false;
  for (const std::size_t i : partition.nodes) {
    const engine::Node& node = graph.nodes()[i];
    if (std::ranges::any_of(node.inputs, eight_bit) || std::ranges::any_of(node.outputs, eight_bit))
      return false;
    if (!find_kernel(*node.op)->alone || node.op->name == "Transpose") continue;  // moves elements
    if (!engine::is_of_halves(node) || std::ranges::find(kInHalves, node.op->name) == std::end(kInHalves))
      return false;
    computes = true;
  }
  return computes;
}

}  // namespace dormouse::drivers::xnnpack
