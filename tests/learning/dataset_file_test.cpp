#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "engine/formats/idx.h"
#include "learning/dataset.h"
#include "learning/split.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<float> values(const Tensor& tensor) {
  const auto all = tensor.values<float>();
  return {all.begin(), all.end()};
}

constexpr std::string_view kTable = R"(x,who,label,y
1,anna,up,2
3,ben,down,4
5,anna,up,6
7,carl,down,8
)";

}  // namespace

TEST_CASE("a table's rows are examples of one step, its label column their classes", "[dataset]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("table.csv");
  write(path, std::string(kTable));
  const Dataset data = read_dataset(path, {}, {.label = "label", .group = "who"});
  CHECK(data.labels == std::vector<std::string>{"down", "up"});
  CHECK(data.classes == std::vector<ClassIndex>{1, 0, 1, 0});
  CHECK(data.groups == std::vector<std::size_t>{0, 1, 0, 2});
  CHECK(data.clip(1).shape() == Shape{1, 2});
  CHECK(values(data.clip(1)) == std::vector<float>{3, 4});
  CHECK(read_dataset(path, {"up"}, {.label = "label", .group = "who"}).size() == 2);
  CHECK_THROWS_WITH(read_dataset(path, {}, {.label = "class"}), Catch::Contains("x, who, label, y"));
  CHECK_THROWS_WITH(read_dataset(path), Catch::Contains(":2:3") && Catch::Contains("anna"));
  CHECK_THROWS_WITH(read_dataset(path, {"up", "left"}, {.label = "label", .group = "who"}),
                    Catch::Contains("'left'"));
}

TEST_CASE("an IDX file of images finds its labels beside it", "[dataset]") {
  const TemporaryFolder folder;
  const auto bytes = [](std::initializer_list<int> all) {
    std::string text;
    for (const int byte : all) text.push_back(static_cast<char>(byte));
    return text;
  };
  const std::string images = folder.file("train-images-idx3-ubyte");
  write(images, bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255}));
  write(folder.file("train-labels-idx1-ubyte"), bytes({0, 0, 8, 1, 0, 0, 0, 2, 7, 10}));
  const Dataset data = read_dataset(images);
  CHECK(data.labels == std::vector<std::string>{"7", "10"});
  CHECK(values(data.clip(1)) == std::vector<float>{4, 5, 255});
  CHECK(data.clip(1).shape() == Shape{3, 1});

  write(images, bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4, 5, 255}));
  CHECK_THROWS_WITH(read_dataset(images), Catch::Contains("images-idx3"));
  write(folder.file("halves"), bytes({0, 0, 12, 1, 0, 0, 0, 1, 0, 0, 1, 2}));
  CHECK(engine::read_idx(folder.file("halves")).values<std::int32_t>()[0] == 258);
}

TEST_CASE("images and their labels may be compressed, or one of them", "[dataset]") {
  const TemporaryFolder folder;
  const std::string images(
      "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\x66\x60\x60\x60\x02\x62\x46\x20\x66\x66\x64\x62"
      "\x66\x61\xfd\x0f\0\x08\x09\x11\x3a\x16\0\0\0",
      39);
  const std::string labels(
      "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x62\xe7\x02\0\xc0\xd3\x08\x3a"
      "\x0a\0\0\0",
      30);
  const std::string path = folder.file("train-images-idx3-ubyte.gz");
  write(path, images);
  CHECK_THROWS_WITH(read_dataset(path), Catch::Contains("train-labels-idx1-ubyte"));
  write(folder.file("train-labels-idx1-ubyte.gz"), labels);
  const Dataset data = read_dataset(path);
  CHECK(data.labels == std::vector<std::string>{"7", "10"});
  CHECK(values(data.clip(1)) == std::vector<float>{4, 5, 255});
  write(folder.file("train-labels-idx1-ubyte"), std::string("\0\0\x08\x01\0\0\0\x02\x03\x01", 10));
  std::filesystem::remove(folder.file("train-labels-idx1-ubyte.gz"));
  CHECK(read_dataset(path).labels == std::vector<std::string>{"1", "3"});
}

TEST_CASE("arrays of an npz are examples and their labels", "[dataset]") {
  const TemporaryFolder folder;
  const std::string path = DORMOUSE_TEST_DATA "/examples.npz";
  const Dataset data = read_dataset(path, {}, {.label = "label", .group = "who"});
  CHECK(data.labels == std::vector<std::string>{"-1", "2", "10"});
  CHECK(data.size() == 6);
  CHECK(data.clip(0).shape() == Shape{4, 2});
  CHECK(data.groups == std::vector<std::size_t>{0, 0, 1, 1, 2, 2});
  CHECK_THROWS_WITH(read_dataset(path, {}, {.label = "label", .group = "room"}), Catch::Contains("'room'"));
}

TEST_CASE("a split by group leaves no group in two parts", "[dataset]") {
  Dataset data;
  data.labels = {"a", "b"};
  for (std::size_t i = 0; i < 120; ++i) {
    data.clips.emplace_back(engine::DType::f32, Shape{1, 1});
    data.classes.push_back(i % 2);
    data.names.push_back(std::to_string(i));
    data.groups.push_back(i % 12);
  }
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    INFO("seed " << seed);
    const Split parts = split(data, {.heldout = 0.2, .test = 0.1, .seed = seed});
    std::set<std::size_t> seen;
    for (const Rows* const rows : {&parts.train, &parts.heldout, &parts.test}) {
      std::set<std::size_t> groups;
      for (const std::size_t row : *rows) groups.insert(data.groups[row]);
      for (const std::size_t group : groups) CHECK(seen.insert(group).second);
    }
    CHECK(parts.heldout.size() == 30);
    CHECK(parts.test.size() == 20);
    CHECK(parts.train.size() == 70);
  }
  data.groups.assign(120, 0);
  CHECK_THROWS_WITH(split(data, {}), Catch::Contains("1 groups"));
}

TEST_CASE("a split without groups takes its shares of every class", "[dataset]") {
  Dataset data;
  for (std::size_t i = 0; i < 100; ++i) data.classes.push_back(i < 20);
  data.clips.resize(100, Tensor(engine::DType::f32, Shape{1, 1}));
  const Split parts = split(data, {.heldout = 0.1, .test = 0.2, .seed = 4});
  const auto rare = [&](const Rows& rows) {
    return std::ranges::count(rows, ClassIndex{1}, [&](std::size_t row) { return data.classes[row]; });
  };
  CHECK((parts.heldout.size() == 10 && rare(parts.heldout) == 2));
  CHECK((parts.test.size() == 20 && rare(parts.test) == 4));
  CHECK(parts.train.size() == 70);
}
