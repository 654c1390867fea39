#include "daemon/oip/codec.h"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

namespace dormouse::daemon {
namespace {

using Catch::Matchers::Contains;
using engine::DType;
using engine::Shape;
using engine::Tensor;

const std::vector<TensorSpec> kImage{{"x", DType::f32, Shape{engine::kDynamic, 3}}};

Request request_of(std::string_view body, std::optional<std::size_t> json_size = {}) {
  Request request;
  request.buffer = engine::Buffer::allocate(body.size());
  std::memcpy(request.buffer->writable_data(), body.data(), body.size());
  request.body_size = body.size();
  if (json_size) request.headers = {{"inference-header-content-length", std::to_string(*json_size)}};
  return request;
}

Request binary_request(std::string json, std::string_view tail) {
  const std::size_t size = json.size();
  return request_of(json.append(tail), size);
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

template <class T>
std::vector<T> values_of(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

std::string input(std::string_view fields) { return R"({"inputs":[{)" + std::string(fields) + "}]}"; }

TEST_CASE("JSON tensors may be flat or nested as their shape", "[oip]") {
  for (const char* data : {"[1, 2.5, -3e0, 4, 5, 6]", "[[1, 2.5, -3], [4, 5, 6]]"}) {
    INFO(data);
    const auto decoded = decode_infer(
        request_of(input(R"("name":"x","shape":[2,3],"datatype":"FP32","data":)" + std::string(data))),
        kImage);
    REQUIRE(decoded.inputs.size() == 1);
    CHECK(decoded.inputs[0].tensor.shape() == Shape{2, 3});
    CHECK(values_of<float>(decoded.inputs[0].tensor) == std::vector<float>{1, 2.5, -3, 4, 5, 6});
  }
}

TEST_CASE("every datatype that JSON carries keeps its extremes", "[oip]") {
  struct Case {
    std::string type;
    std::string data;
    DType expected;
  };
  const std::vector<Case> cases{{"BOOL", "[true,false]", DType::boolean},
                                {"INT8", "[-128,127]", DType::i8},
                                {"UINT8", "[0,255]", DType::u8},
                                {"INT16", "[-32768,32767]", DType::i16},
                                {"UINT16", "[0,65535]", DType::u16},
                                {"INT32", "[-2147483648,2147483647]", DType::i32},
                                {"UINT32", "[0,4294967295]", DType::u32},
                                {"INT64", "[-9223372036854775808,9223372036854775807]", DType::i64},
                                {"UINT64", "[0,18446744073709551615]", DType::u64},
                                {"FP32", "[-3.4028235e+38,1e-45]", DType::f32},
                                {"FP64", "[-1.7976931348623157e+308,5e-324]", DType::f64}};
  for (const Case& item : cases) {
    INFO(item.type);
    const auto decoded = decode_infer(
        request_of(input(R"("name":"x","shape":[2],"datatype":")" + item.type + R"(","data":)" + item.data)),
        {});
    const Tensor& tensor = decoded.inputs[0].tensor;
    CHECK(tensor.dtype() == item.expected);
    CHECK(datatype_name(tensor.dtype()) == item.type);
    const Response encoded = encode_infer(decoded, {.model_name = "m", .outputs = {{"x", tensor, {}}}});
    CHECK_THAT(encoded.body, Contains("\"data\":" + item.data));
  }
}

TEST_CASE("what is wrong with a request is said, and is the client's fault", "[oip]") {
  struct Case {
    std::string body;
    std::string message;
  };
  const std::string x = R"("name":"x","datatype":"FP32",)";
  const std::vector<Case> cases{
      {"", "not JSON"},
      {"{", "not JSON"},
      {"{} x", "not JSON"},
      {"[]", "must be an object"},
      {std::string(100, '['), "deeper than 32"},
      {"{}", "\"inputs\" is missing"},
      {R"({"inputs":3})", "\"inputs\" must be an array"},
      {R"({"inputs":[3]})", "each input must be an object"},
      {R"({"id":7,"inputs":[]})", "\"id\" must be a string"},
      {R"({"parameters":[],"inputs":[]})", "parameters must be an object"},
      {R"({"parameters":{"a":{}},"inputs":[]})", "parameter 'a' must be"},
      {R"({"parameters":{"binary_data_output":1},"inputs":[]})", "must be true or false"},
      {R"({"inputs":[],"outputs":[{}]})", "\"name\" must be a string"},
      {R"({"inputs":[],"outputs":[{"name":"y","parameters":{"classification":-1}}]})", "whole number from 0"},
      {input(R"("shape":[1],"datatype":"FP32","data":[1])"), "\"name\" must be a string"},
      {input(R"("name":"x","shape":[1],"data":[1])"), "\"datatype\" must be a string"},
      {input(R"("name":"x","shape":[1],"datatype":"FLOAT","data":[1])"), "unknown datatype 'FLOAT'"},
      {input(R"("name":"x","shape":[1],"datatype":"BYTES","data":["a"])"), "strings"},
      {input(R"("name":"x","shape":[1],"datatype":"FP16","data":[1])"), "binary"},
      {input(R"("name":"x","shape":[1],"datatype":"BF16","data":[1])"), "binary"},
      {input(x + R"("data":[1])"), "\"shape\" is missing"},
      {input(x + R"("shape":3,"data":[1])"), "\"shape\" must be an array"},
      {input(x + R"("shape":[-1],"data":[1])"), "from 0 up"},
      {input(x + R"("shape":[1.5],"data":[1])"), "from 0 up"},
      {input(x + R"("shape":[4294967296,4294967296],"data":[1])"), "too large"},
      {input(x + R"("shape":[9223372036854775807],"data":[1])"), "too large"},
      {input(x + R"("shape":[1000000000],"data":[1])"), "1000000000 elements, data has 1"},
      {input(x + R"("shape":[2,2],"data":[[1,2],[3]])"), "nested otherwise"},
      {input(x + R"("shape":[2,2],"data":[[1,2],3])"), "nested otherwise"},
      {input(x + R"("shape":[2],"data":[[1,2]])"), "nested otherwise"},
      {input(x + R"("shape":[],"data":[[1]])"), "scalar"},
      {input(x + R"("shape":[1],"data":["1"])"), "must be numbers"},
      {input(x + R"("shape":[1],"data":[null])"), "must be numbers"},
      {input(x + R"("shape":[1],"data":[1e39])"), "too large"},
      {input(x + R"("shape":[1],"data":[NaN])"), "not JSON"},
      {input(x + R"("shape":[1],"data":7)"), "must be an array"},
      {input(x + R"("shape":[1])"), "neither"},
      {input(R"("name":"x","shape":[1],"datatype":"UINT8","data":[-1])"), "range"},
      {input(R"("name":"x","shape":[1],"datatype":"UINT8","data":[256])"), "range"},
      {input(R"("name":"x","shape":[1],"datatype":"INT32","data":[1.5])"), "whole numbers"},
      {input(R"("name":"x","shape":[1],"datatype":"BOOL","data":[1])"), "true or false"},
      {input(x + R"("shape":[1],"data":[1],"parameters":{"binary_data_size":4})"), "both"},
      {input(x + R"("shape":[1],"parameters":{"binary_data_size":4})"), "beyond the body"},
      {input(x + R"("shape":[1],"parameters":{"binary_data_size":-4})"), "whole number"},
      {input(x + R"("shape":[2],"parameters":{"binary_data_size":4})"), "takes 8"},
  };
  for (const Case& item : cases) {
    INFO(item.body.substr(0, 120));
    try {
      decode_infer(request_of(item.body), kImage);
      FAIL("accepted");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == Errc::invalid);
      CHECK_THAT(failure.error().context, Contains(item.message));
    }
  }
}

TEST_CASE("binary tensors follow the JSON in its order", "[oip]") {
  const std::string json =
      R"({"id":"7","inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},)"
      R"({"name":"j","shape":[1],"datatype":"INT8","data":[5]},)"
      R"({"name":"b","shape":[1,2],"datatype":"INT64","parameters":{"binary_data_size":16}}]})";
  std::string tail = bytes_of<float>({1.5f, std::numeric_limits<float>::quiet_NaN()});
  const std::string last = bytes_of<std::int64_t>({7, -7});
  tail.insert(tail.end(), last.begin(), last.end());
  const auto request = binary_request(json, tail);
  const auto decoded = decode_infer(request, {});
  REQUIRE(decoded.inputs.size() == 3);
  CHECK(decoded.id == "7");
  CHECK(decoded.inputs[0].tensor.values<float>()[0] == 1.5f);
  CHECK(std::isnan(decoded.inputs[0].tensor.values<float>()[1]));
  CHECK(values_of<std::int8_t>(decoded.inputs[1].tensor) == std::vector<std::int8_t>{5});
  CHECK(values_of<std::int64_t>(decoded.inputs[2].tensor) == std::vector<std::int64_t>{7, -7});
}

TEST_CASE("an aligned binary tensor is a view on the body, any other a copy", "[oip]") {
  std::string json = input(R"("name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8})");
  json.append(64 - json.size() % 64, ' ');
  const std::string tail = bytes_of<float>({1, 2});
  const auto aligned = binary_request(json, tail);
  CHECK(decode_infer(aligned, {}).inputs[0].tensor.buffer() == aligned.buffer);
  const auto shifted = binary_request(json + " ", tail);
  const Tensor copy = decode_infer(shifted, {}).inputs[0].tensor;
  CHECK(copy.buffer() != shifted.buffer);
  CHECK(values_of<float>(copy) == std::vector<float>{1, 2});
}

TEST_CASE("lengths that do not add up are refused", "[oip]") {
  const std::string json =
      input(R"("name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8})");
  const std::string tail = bytes_of<float>({1, 2});
  const auto refused = [&](const Request& request) {
    try {
      decode_infer(request, kImage);
    } catch (const Failure& failure) {
      return failure.error().code == Errc::invalid;
    }
    return false;
  };
  CHECK_FALSE(refused(binary_request(json, tail)));
  CHECK(refused(binary_request(json, tail + "x")));
  CHECK(refused(binary_request(json, tail.substr(1))));
  CHECK(refused(request_of(json + tail, json.size() + 100)));
  CHECK(refused(request_of(json + tail, json.size() - 1)));
  for (const char* length : {"", "-1", "1x", " 1", "99999999999999999999999", "0x10"}) {
    Request request = request_of(json + tail);
    request.headers = {{"Inference-Header-Content-Length", length}};
    CHECK(refused(request));
  }
  std::string boolean =
      input(R"("name":"x","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1})");
  CHECK(refused(binary_request(boolean, "\x02")));
}

TEST_CASE("a raw body is the model's only input", "[oip]") {
  const auto raw = request_of(bytes_of<float>({1, 2, 3}), 0);
  const auto decoded = decode_infer(raw, kImage);
  CHECK(decoded.binary_outputs);
  CHECK(decoded.inputs[0].name == "x");
  CHECK(decoded.inputs[0].tensor.shape() == Shape{1, 3});
  CHECK(values_of<float>(decoded.inputs[0].tensor) == std::vector<float>{1, 2, 3});

  const std::vector<TensorSpec> sequence{{"s", DType::i16, Shape{engine::kDynamic, engine::kDynamic, 2}}};
  CHECK(decode_infer(request_of(std::string(24, 'x'), 0), sequence).inputs[0].tensor.shape() ==
        Shape{1, 6, 2});
  CHECK_THROWS_WITH(decode_infer(request_of(std::string(7, 'x'), 0), sequence), Contains("multiple of 4"));
  CHECK_THROWS_WITH(decode_infer(request_of("abcd", 0), kImage), Contains("takes 12 bytes"));
  const std::vector<TensorSpec> two{kImage[0], kImage[0]};
  CHECK_THROWS_WITH(decode_infer(raw, two), Contains("one input"));
  const std::vector<TensorSpec> vague{{"x", DType::f32, Shape{1, engine::kDynamic, engine::kDynamic}}};
  CHECK_THROWS_WITH(decode_infer(raw, vague), Contains("cannot say the shape"));
}

TEST_CASE("inputs are put in the model's order and checked against it", "[oip]") {
  const std::vector<TensorSpec> model{{"a", DType::f32, Shape{engine::kDynamic, 2}},
                                      {"b", DType::i64, Shape{}}};
  InferRequest request;
  request.inputs = {{"b", Tensor::scalar<std::int64_t>(4), {}}, {"a", Tensor(DType::f32, Shape{5, 2}), {}}};
  const auto bound = bind_inputs(request, model);
  CHECK(bound[0].shape() == Shape{5, 2});
  CHECK(bound[1].dtype() == DType::i64);

  InferRequest wrong = request;
  wrong.inputs.pop_back();
  CHECK_THROWS_WITH(bind_inputs(wrong, model), Contains("'a' is missing"));
  wrong.inputs.push_back({"a", Tensor(DType::f32, Shape{5, 3}), {}});
  CHECK_THROWS_WITH(bind_inputs(wrong, model), Contains("must be FP32 [?, 2], not FP32 [5, 3]"));
  wrong = request;
  wrong.inputs.push_back({"c", Tensor(DType::f32, Shape{1}), {}});
  CHECK_THROWS_WITH(bind_inputs(wrong, model), Contains("no input 'c', only a, b"));
  wrong = request;
  wrong.inputs.push_back(request.inputs[0]);
  CHECK_THROWS_WITH(bind_inputs(wrong, model), Contains("given twice"));

  request.outputs = {{"y", false, 0}};
  CHECK_THROWS_WITH(check_outputs(request, kImage), Contains("no output 'y', only x"));
}

InferResponse two_outputs() {
  return {.model_name = "m \"1\"",
          .model_version = "3",
          .id = "req",
          .parameters = {{"dormouse_route", std::string("low")},
                         {"dormouse_confidence", 0.5},
                         {"dormouse_novel", false}},
          .outputs = {{"p", Tensor::from<float>(Shape{1, 3}, {0.25f, 0.5f, 0.25f}), {}},
                      {"n", Tensor::from<std::int32_t>(Shape{2}, {1, -2}), {}}},
          .labels = {"cat", "dog", "cow"}};
}

TEST_CASE("a response in JSON is exactly this", "[oip]") {
  const Response response = encode_infer({}, two_outputs());
  CHECK(response.body ==
        R"({"model_name":"m \"1\"","model_version":"3","id":"req","parameters":{"dormouse_route":"low",)"
        R"("dormouse_confidence":0.5,"dormouse_novel":false},"outputs":[)"
        R"({"name":"p","datatype":"FP32","shape":[1,3],"data":[0.25,0.5,0.25]},)"
        R"({"name":"n","datatype":"INT32","shape":[2],"data":[1,-2]}]})");
  CHECK(response.content_type == "application/json");
  CHECK(response.headers.empty());
}

TEST_CASE("outputs are binary as asked, each or all", "[oip]") {
  InferRequest all;
  all.binary_outputs = true;
  InferRequest one;
  one.outputs = {{"n", true, 0}};
  for (const InferRequest& request : {all, one}) {
    const Response response = encode_infer(request, two_outputs());
    const auto size = std::stoul(*find_field(response.headers, "Inference-Header-Content-Length"));
    const auto json = parse_json(std::string_view(response.body).substr(0, size));
    const auto& outputs = json.at("outputs").as_array();
    CHECK(outputs.size() == (request.outputs.empty() ? 2u : 1u));
    CHECK(outputs.back().at("parameters").at("binary_data_size") == 8);
    CHECK_FALSE(outputs.back().as_object().contains("data"));
    CHECK(response.body.ends_with(bytes_of<std::int32_t>({1, -2})));
    CHECK(response.body.size() == size + (request.outputs.empty() ? 20 : 8));
    CHECK(response.content_type == "application/octet-stream");
  }
}

TEST_CASE("what JSON cannot carry goes out in binary only", "[oip]") {
  InferResponse response;
  response.outputs = {{"y", Tensor::from<float>(Shape{1}, {std::numeric_limits<float>::infinity()}), {}}};
  CHECK_THROWS_WITH(encode_infer({}, response), Contains("infinity"));
  response.outputs = {{"y", Tensor(DType::f16, Shape{1}), {}}};
  CHECK_THROWS_WITH(encode_infer({}, response), Contains("binary_data"));
  InferRequest binary;
  binary.binary_outputs = true;
  CHECK(encode_infer(binary, response).body.ends_with(std::string(2, '\0')));
}

TEST_CASE("the classification extension lists the likeliest classes", "[oip]") {
  InferRequest request;
  request.outputs = {{"p", false, 2}};
  CHECK_THAT(encode_infer(request, two_outputs()).body,
             Contains(R"("datatype":"BYTES","shape":[1,2],"data":["0.5:1:dog","0.25:0:cat"])"));
  request.outputs = {{"p", true, 1}};
  const std::string body = encode_infer(request, two_outputs()).body;
  CHECK(body.ends_with(std::string("\x09\0\0\0", 4) + "0.5:1:dog"));
  CHECK_THAT(body, Contains("\"binary_data_size\":13"));
}

TEST_CASE("a /v1 body carries tensors beside its own keys", "[oip]") {
  const auto body = decode_body(
      request_of(R"({"label":"three","inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[2]}]})"));
  CHECK(boost::json::serialize(body.json) == R"({"label":"three"})");
  CHECK(body.inputs[0].tensor.values<float>()[0] == 2.0f);
  CHECK(decode_body(Request{}).json.empty());
  CHECK_THROWS_AS(decode_body(request_of("[]")), Failure);
}

TEST_CASE("metadata lists name, datatype and shape with -1 for what varies", "[oip]") {
  CHECK(boost::json::serialize(metadata(kImage)) == R"([{"name":"x","datatype":"FP32","shape":[-1,3]}])");
  for (const char* name : {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
                           "FP16", "FP32", "FP64", "BF16"}) {
    CHECK(datatype_name(datatype_from_name(name).value()) == name);
  }
  CHECK_FALSE(datatype_from_name("fp32"));
}

}  // namespace
}  // namespace dormouse::daemon
