#include "tests/bench/real_models.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/bench/random_weights.h"

namespace dormouse::bench {

namespace fs = std::filesystem;
using engine::DType;
using engine::Shape;
using engine::Tensor;

namespace {

Tensor draw(const RealInput& input, std::mt19937_64& random) {
  Tensor values(DType::f32, input.shape);
  std::uniform_real_distribution<double> uniform(input.low, input.high);
  for (float& value : values.mutable_values<float>()) {
    const double drawn = uniform(random);
    value = static_cast<float>(input.type == DType::f32 ? drawn : std::floor(drawn));
  }
  return values.as(input.type);
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

RealInput image(std::int64_t batch, std::int64_t height, std::int64_t width, double low, double high) {
  return {DType::f32, {batch, 3, height, width}, low, high};
}

RealModel light(const std::string& name) {
  return {"onnx-light/light_" + name + ".onnx", {image(1, 224, 224, -2, 2)}, true};
}

RealModel tokens(const std::string& file, std::int64_t batch, std::int64_t length, double highest) {
  const Shape shape{batch, length};
  return {"vespa-dummy-bert/" + file,
          {{DType::i64, shape, 0, highest}, {DType::i64, shape, 1, 1}, {DType::i64, shape, 0, 1}}};
}

RealModel silero(const std::string& variant, bool rate, bool rate_second = false) {
  RealModel model{"silero-vad/silero_vad" + variant + ".onnx",
                  {{DType::f32, {1, 576}, -0.5, 0.5}, {DType::f32, {2, 1, 128}, -1, 1}}};
  if (rate) model.inputs.insert(model.inputs.begin() + (rate_second ? 1 : 2), {DType::i64, {}, 16000, 16000});
  return model;
}

}  // namespace

std::vector<RealModel> real_models() {
  return {{"fastestdet-yolo/FastestDet.onnx", {image(1, 352, 352, 0, 1)}},
          {"magika/model.onnx", {{DType::i32, {1, 2048}, 0, 256}}},
          {"magika/model.onnx", {{DType::i32, {3, 2048}, 0, 256}}},
          light("densenet121"),
          light("inception_v1"),
          light("resnet50"),
          light("shufflenet"),
          light("squeezenet"),
          {"ppocr-cls-mobilenetv3/ppocr_cls.onnx", {image(1, 48, 192, -1, 1)}},
          {"ppocr-cls-mobilenetv3/ppocr_cls.onnx", {image(2, 48, 128, -1, 1)}},
          silero("", true),
          silero("_16k_op15", true),
          silero("_half", false),
          silero("_op18_ifless", true, true),
          {"tract-lstm/byte_sb_bidi_lstm.onnx", {{DType::u8, {1, 32}, 0, 255}}},
          {"tract-lstm/byte_sb_bidi_lstm.onnx", {{DType::u8, {3, 7}, 0, 255}}},
          {.file = "tract-lstm/qlstm_3-2-3_T3_S1.onnx",
           .inputs = {{DType::f32, {8, 3}, -1, 1}},
           .tolerance = 1.0 / 32},  // a step of its 8-bit numbers: processors round halves differently
          {"ultraface/version-RFB-320.onnx", {image(1, 240, 320, -1, 1)}},
          tokens("dummy_transformer.onnx", 1, 32, 20),
          tokens("dummy_transformer_mlm.onnx", 1, 32, 30000),
          tokens("dummy_transformer_mlm.onnx", 2, 9, 30000),
          {"vespa-dummy-bert/mock_sentence_embedder.onnx", {{DType::f32, {2, 4}}, {DType::f32, {2, 4}}}},
          {"yunet/yunet_n_320_320.onnx", {image(1, 320, 320, 0, 255)}},
          {"yunet/yunet_n_dynamic.onnx", {image(1, 320, 320, 0, 255)}},
          {"yunet/yunet_n_dynamic.onnx", {image(2, 256, 192, 0, 255)}}};
}

std::vector<Tensor> random_inputs(const RealModel& model) {
  std::mt19937_64 random(kModelSeed);
  std::vector<Tensor> inputs;
  for (const RealInput& input : model.inputs) inputs.push_back(draw(input, random));
  return inputs;
}

fs::path file_of(const RealModel& model, const fs::path& models, const fs::path& work) {
  const fs::path file = models / model.file;
  if (!model.random_weights) return file;
  fs::create_directories(work);
  const fs::path rewritten = work / file.filename();
  std::ofstream(rewritten, std::ios::binary) << with_random_weights(contents(file), kModelSeed);
  return rewritten;
}

}  // namespace dormouse::bench
