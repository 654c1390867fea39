#include "learning/named_tensors.h"

#include "learning/digest.h"

namespace dormouse::learning {
namespace {

constexpr const char* kSeal = "sha256";

std::string checksum(const engine::NamedTensors& file) {
  Digest digest;
  digest.add(file.tensors);
  for (const auto& [key, value] : file.metadata) {
    if (key == kSeal) continue;
    digest.add(key);
    digest.add(value);
  }
  return digest.text();
}

}  // namespace

const Tensor& part(const std::map<std::string, Tensor>& tensors, const std::string& name, engine::DType type,
                   const std::string& of) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.dtype() != type)
    throw Failure(Errc::corrupt, of + ": no tensor '" + name + "' of " + std::string(engine::word(type)));
  return found->second;
}

std::string entry(const engine::NamedTensors& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? "" : found->second;
}

void seal(engine::NamedTensors& file) { file.metadata.insert_or_assign(kSeal, checksum(file)); }

void check_seal(const engine::NamedTensors& file, const std::string& name) {
  const auto sum = file.metadata.find(kSeal);
  if (sum == file.metadata.end() || sum->second != checksum(file))
    throw Failure(Errc::corrupt, name + ": its checksum is wrong");
}

}  // namespace dormouse::learning
