#include "learning/families.h"

#include <algorithm>
#include <array>

#include "config/error.h"
#include "config/text.h"

namespace dormouse::learning {
namespace {

/// The choice for the request's size.
template <class T>
T by_size(const ModelRequest& request, const std::array<T, 3>& choices) {
  return choices[static_cast<std::size_t>(request.size)];
}

std::string sized(std::string_view layer, std::string_view key, std::int64_t value) {
  return std::string(layer) + ": {" + std::string(key) + ": " + std::to_string(value) + "}";
}

FamilySpec layered(const ModelRequest& request, std::string_view kind) {
  FamilySpec spec{{}, "epochs: 20, batch: 64, rate: 0.05"};
  if (request.channels > 1) spec.layers.push_back("flatten");
  const auto widths = by_size<std::vector<std::int64_t>>(request, {{{64}, {256, 256}, {512, 512, 256}}});
  for (const std::int64_t width : widths) {
    spec.layers.push_back(sized(kind, "units", width));
    spec.layers.push_back("relu");
  }
  spec.layers.push_back("linear: {units: labels}");
  return spec;
}

FamilySpec mlp(const ModelRequest& request) { return layered(request, "linear"); }
FamilySpec bitnet(const ModelRequest& request) { return layered(request, "bit_linear"); }

/// Convolutions that double in number and halve in extent, for as long as there is an extent to halve.
FamilySpec convolutions(const ModelRequest& request, bool separable) {
  FamilySpec spec{{}, "epochs: 20, batch: 32, rate: 0.03"};
  const bool image = request.height > 0;
  if (image)
    spec.layers.push_back("image: {height: " + std::to_string(request.height) +
                          ", width: " + std::to_string(request.width) + "}");
  std::int64_t extent = image ? std::min(request.height, request.width) : request.rows;
  std::int64_t channels = by_size<std::int64_t>(request, {8, 16, 32});
  const std::string kernel = image ? "kernel: 3, padding: 1" : "kernel: 5, padding: 2";
  for (int i = 0; i < 3; ++i, channels *= 2) {
    spec.layers.push_back("conv: {channels: " + std::to_string(channels) + ", " + kernel +
                          (separable && i > 0 ? ", separable: true}" : "}"));
    spec.layers.push_back("relu");
    if (i == 2 || extent < 4) break;
    spec.layers.push_back("max_pool: {size: 2}");
    extent /= 2;
  }
  spec.layers.insert(spec.layers.end(), {"global_average_pool", "linear: {units: labels}"});
  return spec;
}

FamilySpec cnn(const ModelRequest& request) { return convolutions(request, false); }
FamilySpec separable(const ModelRequest& request) { return convolutions(request, true); }

void need_a_signal(const ModelRequest& request, std::string_view family) {
  if (request.height > 0)
    throw Failure(Errc::invalid, std::string(family) +
                                     " takes a signal: --input SAMPLESxCHANNELS; for images there are cnn "
                                     "and mlp");
}

FamilySpec linoss(const ModelRequest& request) {
  need_a_signal(request, "linoss");
  const auto [hidden, oscillators, blocks] =
      by_size<std::array<std::int64_t, 3>>(request, {{{16, 16, 1}, {64, 64, 2}, {128, 64, 2}}});
  return {{"linoss: {hidden: " + std::to_string(hidden) + ", oscillators: " + std::to_string(oscillators) +
               ", blocks: " + std::to_string(blocks) + "}",
           "linear: {units: labels}"},
          "epochs: 30, batch: 32, rate: 0.003, optimiser: {rule: adamw, clip_norm: 1}"};
}

/// Width by depth: units of a recurrent layer.
std::string recurrent(std::string_view kind, const ModelRequest& request) {
  return sized(kind, "units", by_size<std::int64_t>(request, {16, 64, 128}));
}

constexpr const char* kRecurrentTraining =
    "epochs: 30, batch: 32, rate: 0.005, optimiser: {rule: adamw, clip_norm: 1}";

FamilySpec lstm(const ModelRequest& request) {
  need_a_signal(request, "lstm");
  return {{recurrent("lstm", request), "linear: {units: labels}"}, kRecurrentTraining};
}

FamilySpec gru(const ModelRequest& request) {
  need_a_signal(request, "gru");
  return {{recurrent("gru", request), "linear: {units: labels}"}, kRecurrentTraining};
}

FamilySpec cfc(const ModelRequest& request) {
  need_a_signal(request, "cfc");
  return {{recurrent("cfc", request), "linear: {units: labels}"}, kRecurrentTraining};
}

FamilySpec transformer(const ModelRequest& request) {
  need_a_signal(request, "transformer");
  const auto width = by_size<std::int64_t>(request, {16, 64, 128});
  FamilySpec spec{{},
                  "epochs: 30, batch: 32, rate: 0.005, optimiser: {rule: adamw, clip_norm: 1}, schedule: "
                  "{kind: one_cycle}"};
  // Attention grows by the square of the tokens; what lies within one is seen by a convolution.
  constexpr std::int64_t kMostTokens = 128, kLeastKernel = 5, kMostKernel = 1024;
  const std::int64_t stride = std::min((request.rows + kMostTokens - 1) / kMostTokens, kMostKernel);
  const std::int64_t kernel = std::max(stride, kLeastKernel);
  spec.layers.push_back("conv: {channels: " + std::to_string(width) + ", kernel: " + std::to_string(kernel) +
                        ", stride: " + std::to_string(stride) + ", padding: " + std::to_string(kernel / 2) +
                        "}");
  spec.layers.push_back("relu");
  spec.layers.push_back("transformer: {width: " + std::to_string(width) +
                        ", heads: 4, blocks: 2, feedforward: " + std::to_string(2 * width) + "}");
  spec.layers.push_back("linear: {units: labels}");
  return spec;
}

constexpr Family kFamilies[] = {
    {"mlp", "fully connected layers: tables, features, small images", mlp},
    {"bitnet", "mlp of weights -1, 0 and 1 and 8-bit activations: 2 bits a weight when it runs", bitnet},
    {"cnn", "convolutions over time or over an image", cnn},
    {"separable", "the same, depthwise separable: a third to a fifth of the multiply-adds", separable},
    {"lstm", "long short-term memory, step by step: short signals, streams", lstm},
    {"gru", "gated recurrent units: as lstm, with three quarters of its weights", gru},
    {"cfc", "closed-form continuous-time, the practical liquid network: uneven sampling, streams", cfc},
    {"transformer", "a small encoder with attention: up to 128 tokens", transformer},
    {"linoss", "damped oscillators (D-LinOSS): long raw signals", linoss},
};

/// A whole number from 1 to 2^24, or 0.
std::int64_t extent(std::string_view text) {
  if (text.empty() || text.size() > 8) return 0;
  std::int64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return 0;
    value = value * 10 + (digit - '0');
  }
  return value <= (1 << 24) ? value : 0;
}

}  // namespace

std::span<const Family> families() { return kFamilies; }

const Family& family_called(std::string_view name) {
  const auto found = std::ranges::find(families(), name, &Family::name);
  if (found != families().end()) return *found;
  throw Failure(Errc::invalid, "there is no family '" + std::string(name) + "'; there are " +
                                   config::join(families(), &Family::name));
}

void parse_input(std::string_view text, ModelRequest& request) {
  std::vector<std::int64_t> extents;
  for (const std::string_view part : config::split(text, 'x')) extents.push_back(extent(part));
  if (extents.size() > 3 || std::ranges::count(extents, 0))
    throw Failure(Errc::invalid,
                  "input '" + std::string(text) +
                      "': expected SAMPLES, SAMPLESxCHANNELS or HEIGHTxWIDTHxCHANNELS, such as 128x6");
  const bool image = extents.size() == 3;
  request.height = image ? extents[0] : 0;
  request.width = image ? extents[1] : 0;
  request.rows = image ? extents[0] * extents[1] : extents[0];
  request.channels = extents.size() > 1 ? extents.back() : 1;
  constexpr std::int64_t kMostSide = 1 << 15, kMostRows = 1 << 24, kMostChannels = 4096;
  if (request.rows > kMostRows || request.channels > kMostChannels || request.height > kMostSide ||
      request.width > kMostSide)
    throw Failure(Errc::invalid, "input '" + std::string(text) +
                                     "': at most 16777216 samples of 4096 channels, images of 32768 a side");
}

void parse_outputs(std::string_view text, ModelRequest& request) {
  constexpr std::int64_t kMost = 65536;
  request.labels = {};
  request.outputs = extent(text);
  const bool number = text.find_first_not_of("0123456789") == text.npos;
  if (!number) {
    request.labels = config::split_list(text);
    request.outputs = std::ssize(request.labels);
    std::vector<std::string> sorted = request.labels;
    std::ranges::sort(sorted);
    if (sorted.front().empty() || std::ranges::adjacent_find(sorted) != sorted.end())
      throw Failure(Errc::invalid, "output '" + std::string(text) + "': each label has a name of its own");
  }
  if (request.outputs < 1 || request.outputs > kMost)
    throw Failure(Errc::invalid,
                  "output '" + std::string(text) +
                      "': expected how many from 1 to 65536, or labels such as walking,sitting");
}

}  // namespace dormouse::learning
