#include "tests/bench/peers/onnxruntime.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <array>
#include <cstring>
#include <utility>

namespace dormouse::bench {

using engine::DType;
using engine::Tensor;

namespace {

constexpr std::array<std::pair<DType, ONNXTensorElementDataType>, 13> kTypes{
    {{DType::f32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
     {DType::f64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
     {DType::f16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
     {DType::bf16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
     {DType::i8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
     {DType::u8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
     {DType::i16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
     {DType::u16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
     {DType::i32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
     {DType::u32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
     {DType::i64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
     {DType::u64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
     {DType::boolean, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL}}};

ONNXTensorElementDataType theirs(DType type) {
  for (const auto& [ours, their] : kTypes)
    if (ours == type) return their;
  throw Failure(Errc::unsupported, "ONNX Runtime has no such element type");
}

DType ours(ONNXTensorElementDataType type) {
  for (const auto& [our, their] : kTypes)
    if (their == type) return our;
  throw Failure(Errc::unsupported, "an output of ONNX Runtime is no tensor of numbers");
}

struct Api {
  const OrtApi* api = nullptr;

  void check(OrtStatus* status) const {
    if (!status) return;
    const std::string message = api->GetErrorMessage(status);
    api->ReleaseStatus(status);
    throw Failure(Errc::unsupported, "ONNX Runtime: " + message);
  }
};

}  // namespace

struct OnnxRuntime::State : Api {
  void* library = nullptr;
  std::string version;
  OrtEnv* environment = nullptr;

  ~State() {
    if (environment) api->ReleaseEnv(environment);
    // The library stays open: its threads and static objects outlive what is released here.
  }
};

OnnxRuntime::OnnxRuntime(const std::string& library) : state_(std::make_unique<State>()) {
  state_->library = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!state_->library)
    throw Failure(Errc::unavailable, "cannot open ONNX Runtime: " + std::string(::dlerror()));
  void* const symbol = ::dlsym(state_->library, "OrtGetApiBase");
  if (!symbol) throw Failure(Errc::unavailable, library + " is not ONNX Runtime");
  const auto* const base = reinterpret_cast<const OrtApiBase* (*)()>(symbol)();
  state_->version = base->GetVersionString();
  state_->api = base->GetApi(ORT_API_VERSION);
  if (!state_->api) throw Failure(Errc::unavailable, library + " is older than its header");
  state_->check(state_->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &state_->environment));
}

OnnxRuntime::~OnnxRuntime() = default;

std::string OnnxRuntime::version() const { return state_->version; }

struct OnnxRuntime::Session::State : Api {
  OrtSessionOptions* options = nullptr;
  OrtSession* session = nullptr;
  OrtMemoryInfo* memory = nullptr;
  OrtAllocator* allocator = nullptr;
  std::vector<char*> input_names, output_names;
  std::vector<OrtValue*> inputs, outputs;

  ~State() {
    release(inputs);
    release(outputs);
    for (const auto* names : {&input_names, &output_names})
      for (char* const name : *names) allocator->Free(allocator, name);
    if (memory) api->ReleaseMemoryInfo(memory);
    if (session) api->ReleaseSession(session);
    if (options) api->ReleaseSessionOptions(options);
  }

  void release(std::vector<OrtValue*>& values) const {
    for (OrtValue*& value : values)
      if (value) api->ReleaseValue(std::exchange(value, nullptr));
  }
};

OnnxRuntime::Session::Session(OnnxRuntime& runtime, const std::string& model, std::size_t threads)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.api = runtime.state_->api;
  s.check(s.api->CreateSessionOptions(&s.options));
  s.check(s.api->SetIntraOpNumThreads(s.options, static_cast<int>(threads)));
  s.check(s.api->SetInterOpNumThreads(s.options, 1));
  s.check(s.api->CreateSession(runtime.state_->environment, model.c_str(), s.options, &s.session));
  s.check(s.api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &s.memory));
  s.check(s.api->GetAllocatorWithDefaultOptions(&s.allocator));
  std::size_t count = 0;
  s.check(s.api->SessionGetInputCount(s.session, &count));
  for (std::size_t i = 0; i < count; ++i)
    s.check(s.api->SessionGetInputName(s.session, i, s.allocator, &s.input_names.emplace_back()));
  s.check(s.api->SessionGetOutputCount(s.session, &count));
  for (std::size_t i = 0; i < count; ++i)
    s.check(s.api->SessionGetOutputName(s.session, i, s.allocator, &s.output_names.emplace_back()));
  s.outputs.assign(count, nullptr);
}

OnnxRuntime::Session::~Session() = default;

void OnnxRuntime::Session::bind(std::span<const Tensor> inputs) {
  State& s = *state_;
  s.release(s.inputs);
  s.inputs.clear();
  for (const Tensor& input : inputs)
    s.check(s.api->CreateTensorWithDataAsOrtValue(
        s.memory, const_cast<std::byte*>(input.data()), input.byte_size(), input.shape().extents().data(),
        input.shape().rank(), theirs(input.dtype()), &s.inputs.emplace_back()));
}

void OnnxRuntime::Session::run() {
  State& s = *state_;
  s.release(s.outputs);
  s.check(s.api->Run(s.session, nullptr, s.input_names.data(), s.inputs.data(), s.inputs.size(),
                     s.output_names.data(), s.output_names.size(), s.outputs.data()));
}

std::vector<Tensor> OnnxRuntime::Session::outputs() const {
  const State& s = *state_;
  std::vector<Tensor> copies;
  for (OrtValue* const value : s.outputs) {
    OrtTensorTypeAndShapeInfo* info = nullptr;
    s.check(s.api->GetTensorTypeAndShape(value, &info));
    ONNXTensorElementDataType type{};
    std::size_t rank = 0;
    s.check(s.api->GetTensorElementType(info, &type));
    s.check(s.api->GetDimensionsCount(info, &rank));
    std::vector<std::int64_t> extents(rank);
    s.check(s.api->GetDimensions(info, extents.data(), rank));
    s.api->ReleaseTensorTypeAndShapeInfo(info);
    Tensor copy(ours(type), engine::Shape(extents));
    void* data = nullptr;
    s.check(s.api->GetTensorMutableData(value, &data));
    if (copy.byte_size() > 0) std::memcpy(copy.mutable_data(), data, copy.byte_size());
    copies.push_back(std::move(copy));
  }
  return copies;
}

}  // namespace dormouse::bench
