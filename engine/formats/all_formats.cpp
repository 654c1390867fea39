#include "engine/formats/all_formats.h"

#include <algorithm>

#include "engine/formats/csv.h"
#include "engine/formats/npy.h"
#include "engine/formats/onnx.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/wav.h"

namespace dormouse::engine {
namespace {

Graph onnx_graph(const std::string& path, std::span<const Op* const> more) { return read_onnx(path, more); }

Clip npy_clip(const std::string& path) {
  const Tensor tensor = read_npy(path).as(DType::f32);
  const Shape& shape = tensor.shape();
  if (shape.rank() == 1) return {tensor.reshaped({shape[0], 1}), 0};
  if (shape.rank() == 2) return {tensor, 0};
  throw Failure(Errc::invalid,
                path + ": an array of shape " + to_string(shape) + "; a clip is [rows, channels]");
}

Clip wav_clip(const std::string& path) {
  Recording recording = read_wav(path);
  return {std::move(recording.frames), static_cast<double>(recording.rate)};
}

Clip csv_clip(const std::string& path) { return {read_csv(path).rows, 0}; }

// Those with a signature first: text is whatever is left.
constexpr Format kFormats[] = {{.name = "npy", .detect = is_npy, .load_clip = npy_clip},
                               {.name = "npz", .detect = is_npz},
                               {.name = "WAV", .detect = is_wav, .load_clip = wav_clip},
                               {.name = "safetensors", .detect = is_safetensors},
                               {.name = "ONNX", .detect = is_onnx, .load_graph = onnx_graph},
                               {.name = "csv", .detect = is_csv, .load_clip = csv_clip}};

const Format& detect(const std::string& path) {
  const std::shared_ptr<Buffer> bytes = map_file(path);
  const std::span<const std::byte> content(bytes->data(), bytes->size());
  const auto found =
      std::ranges::find_if(kFormats, [&](const Format& format) { return format.detect(content); });
  if (found != std::end(kFormats)) return *found;
  throw Failure(Errc::unsupported, path + ": an unknown kind of file");
}

[[noreturn]] void refuse(const std::string& path, const Format& format, std::string_view wanted) {
  throw Failure(Errc::unsupported,
                path + ": " + std::string(format.name) + ", which holds no " + std::string(wanted));
}

}  // namespace

std::span<const Format> all_formats() { return kFormats; }

Graph load_graph(const std::string& path, std::span<const Op* const> more) {
  const Format& format = detect(path);
  if (!format.load_graph) refuse(path, format, "model graph; ONNX files do");
  return format.load_graph(path, more);
}

Clip load_clip(const std::string& path) {
  const Format& format = detect(path);
  if (!format.load_clip) refuse(path, format, "clip; npy, WAV and csv files do");
  return format.load_clip(path);
}

}  // namespace dormouse::engine
