#include <catch2/catch.hpp>

#include "engine/formats/safetensors.h"
#include "tests/engine/damage.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

using Catch::Contains;

NamedTensors example() {
  NamedTensors content;
  content.tensors["weight"] = Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  content.tensors["bias"] = Tensor::from<float>({3}, {-1, 0, 1});
  content.tensors["count"] = Tensor::scalar<std::int64_t>(1LL << 40);
  content.tensors["mask"] = Tensor::from<bool>({5}, {true, false, true, true, false});
  content.tensors["tiny"] = Tensor::from<std::uint8_t>({1}, {200});
  content.tensors["empty"] = Tensor(DType::i32, {0, 4});
  content.metadata = {{"made by", "a \"test\""}, {"sleep", "7"}};
  return content;
}

std::string file_with(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return file.append(header).append(data);
}

NamedTensors read(std::string_view file) { return read_safetensors(buffer_of(file), "test.safetensors"); }

std::string refused(std::string_view header, std::string_view data = "") {
  return refusal([&] { read(file_with(header, data)); });
}

TEST_CASE("safetensors come back as they were written", "[formats]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.safetensors");
  const NamedTensors written = example();
  write_safetensors(path, written);

  const NamedTensors back = read_safetensors(path);
  CHECK(back.metadata == written.metadata);
  REQUIRE(back.tensors.size() == written.tensors.size());
  for (const auto& [name, tensor] : written.tensors) {
    INFO(name);
    const Tensor& found = back.tensors.at(name);
    CHECK(found.dtype() == tensor.dtype());
    CHECK(found.shape() == tensor.shape());
    CHECK(std::ranges::equal(found.bytes(), tensor.bytes()));
    CHECK_FALSE(found.buffer()->writable());  // a view on the mapping, not a copy
  }
}

TEST_CASE("the same tensors make the same safetensors file", "[formats]") {
  const ScratchFolder folder;
  write_safetensors(folder.file("a"), example());
  write_safetensors(folder.file("b"), example());
  const std::string file = content_of(folder.file("a"));
  CHECK(file == content_of(folder.file("b")));
  CHECK(is_safetensors(std::as_bytes(std::span(file))));
}

TEST_CASE("a misaligned safetensors tensor is copied, not misread", "[formats]") {
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"I16","shape":[1],"data_offsets":[1,3]}})";
  const NamedTensors content = read(file_with(header, std::string_view("\x07\x34\x12", 3)));
  CHECK(content.tensors.at("b").values<std::int16_t>()[0] == 0x1234);
}

TEST_CASE("a safetensors bool other than 0 and 1 becomes true", "[formats]") {
  const NamedTensors content = read(file_with(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})",
                                              std::string_view("\x02\x00", 2)));
  CHECK(content.tensors.at("a").values<bool>()[0]);
  CHECK_FALSE(content.tensors.at("a").values<bool>()[1]);
}

TEST_CASE("safetensors that contradict themselves are refused with the reason", "[formats]") {
  const std::string f32 = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)";
  CHECK_THAT(refused(f32 + "[0,4]}}", "12345"), Contains("end at 4 of 5"));
  CHECK_THAT(refused(f32 + "[1,5]}}", "12345"), Contains("gap"));
  CHECK_THAT(refused(f32 + "[0,8]}}", "12345678"), Contains("fit its shape"));
  CHECK_THAT(refused(f32 + "[4,0]}}", "1234"), Contains("ascending"));
  CHECK_THAT(refused(f32 + "[0,4,8]}}", "1234"), Contains("more than two"));
  CHECK_THAT(refused(f32 + "[0,18446744073709551615]}}", "1234"), Contains("beyond any file"));
  CHECK_THAT(refused(f32 + "[0,-4]}}", "1234"), Contains("negative"));
  CHECK_THAT(refused(f32 + "[0,4.0]}}", "1234"), Contains("fraction"));
  CHECK_THAT(
      refused(f32 + "[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}", "123456"),
      Contains("overlap"));
  CHECK_THAT(
      refused(f32 + "[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "12345678"),
      Contains("name twice"));
  CHECK_THAT(refused(R"({"a":{"dtype":"F7","shape":[],"data_offsets":[0,4]}})", "1234"), Contains("F7"));
  CHECK_THAT(refused(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", "1234"), Contains("are needed"));
  CHECK_THAT(
      refused(
          R"({"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,4]}})",
          "1234"),
      Contains("impossible shape"));
  CHECK_THAT(refused(R"({"a":{"b":{"c":1}}})"), Contains("none belongs"));
  CHECK_THAT(refused(R"({"__metadata__":{"a":1}})"), Contains("none belongs"));
  CHECK_THAT(refused(R"({"__metadata__":{"a":"1","a":"2"}})"), Contains("key twice"));
  CHECK_THAT(refused(R"({} x)"), Contains("header"));
  CHECK_THAT(refused(" {}"), Contains("no JSON header"));
  CHECK_THAT(refused(std::string(100000, '[')), Contains("no JSON header"));
  CHECK_THAT(refused("{\"a\":" + std::string(100000, '[')), Contains("none belongs"));
}

TEST_CASE("a safetensors header longer than the file or than 100 MB is refused before it is read",
          "[formats]") {
  const auto with_length = [](std::uint64_t length) {
    std::string file(reinterpret_cast<const char*>(&length), sizeof length);
    return refusal([&] { read(file + "{}"); });
  };
  CHECK_THAT(with_length(3), Contains("ends inside the header"));
  CHECK_THAT(with_length(~0ull), Contains("over 100 MB"));
  CHECK_THAT(with_length(100'000'001), Contains("over 100 MB"));
  CHECK(with_length(2).empty());
}

TEST_CASE("a damaged safetensors file never does more than fail", "[formats]") {
  const ScratchFolder folder;
  write_safetensors(folder.file("a"), example());
  const std::string file = content_of(folder.file("a"));
  survive_damage(file, file.size(), [](auto buffer) { read_safetensors(std::move(buffer), "damaged"); });
}

}  // namespace
}  // namespace dormouse::engine
