#include "tests/torture/home.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <stdexcept>

namespace dormouse::daemon {

namespace json = boost::json;

Home::Home(std::uint64_t seed, const std::string& more) : model(seed) {
  model.write(folder.file(""), "colours");
  write_file(folder, "dormouse.yaml", configuration("0") + more);
}

std::string Home::configuration(const std::string& accept) {
  return "daemon: {socket: user.sock, admin_socket: admin.sock, threads: 2}\n"
         "state: state\n"
         "models:\n"
         "  - {name: colours, path: colours.onnx, seed: colours.seed.safetensors, stream: {channels: 2}}\n"
         "  - {name: plain, path: colours.onnx, fast: sgd}\n"
         "hrm: {accept: " +
         accept + "}\n";
}

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::strtoul(value, nullptr, 10) : otherwise;
}

std::string body_of(const engine::Tensor& tensor, const std::string& more) {
  json::array data, shape;
  for (const float x : tensor.values<float>()) data.push_back(x);
  for (const std::int64_t extent : tensor.shape()) shape.push_back(extent);
  const json::array inputs{{{"name", "x"}, {"datatype", "FP32"}, {"shape", shape}, {"data", data}}};
  return std::string(R"({"inputs": )").append(json::serialize(inputs)).append(more).append("}");
}

std::string probe_of(const engine::Tensor& tensor) {
  return body_of(tensor,
                 R"(, "parameters": {"dormouse_remember": false}, "outputs": [{"name": "probabilities"}])");
}

json::value answer_of(const Reply& reply, unsigned expected) {
  if (reply.status != expected)
    throw std::runtime_error("answered " + std::to_string(reply.status) + ": " + reply.body);
  return json::parse(reply.body);
}

}  // namespace dormouse::daemon
