// Packed weights in files: found again, shared between processes, never trusted.

#include "drivers/xnnpack/packed_files.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <random>
#include <sstream>

#include "drivers/xnnpack/driver.h"
#include "drivers/xnnpack/program.h"
#include "drivers/xnnpack/rehearsal.h"
#include "engine/interpreter.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"
#include "tests/resident.h"
#include "tests/temporary_folder.h"

namespace dormouse::drivers::xnnpack {
namespace {

namespace fs = std::filesystem;
using namespace engine;
using conformance::draw;

constexpr unsigned kSeed = 29;

Digest name_of(const PackedFiles& files, std::uint64_t number) {
  Digester digester = files.digester();
  digester.add(number);
  return digester.finish();
}

std::vector<std::byte> some_bytes(std::size_t count, unsigned seed = kSeed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

bool holds(const std::shared_ptr<Buffer>& buffer, const std::vector<std::byte>& bytes) {
  return buffer && buffer->size() == bytes.size() && std::equal(bytes.begin(), bytes.end(), buffer->data());
}

std::vector<fs::path> packs_in(const fs::path& folder) {
  std::vector<fs::path> packs;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".packed") packs.push_back(entry.path());
  return packs;
}

TEST_CASE("packs are found by their name, in this process and the next", "[packed files]") {
  const TemporaryFolder folder;
  const auto bytes = some_bytes(100000);
  {
    PackedFiles files(folder / "packed");
    const Digest name = name_of(files, 1);
    CHECK_FALSE(files.find(name));
    CHECK(holds(files.insert(name, bytes), bytes));
  }
  const PackedFiles again(folder / "packed");
  const auto found = again.find(name_of(again, 1));
  REQUIRE(holds(found, bytes));
  CHECK(reinterpret_cast<std::uintptr_t>(found->data()) % 64 == 0);
  CHECK_FALSE(again.find(name_of(again, 2)));
}

TEST_CASE("a pack that is not as it was written is missing, and written anew", "[packed files]") {
  const TemporaryFolder folder;
  PackedFiles files(folder / "packed");
  const Digest name = name_of(files, 1);
  const auto bytes = some_bytes(20000);
  files.insert(name, bytes);
  const fs::path file = packs_in(folder / "packed").at(0);
  const auto size = fs::file_size(file);
  const auto damaged = [&](auto damage) {
    damage();
    CHECK_FALSE(files.find(name));
    CHECK(holds(files.insert(name, bytes), bytes));
    CHECK(holds(files.find(name), bytes));
  };
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{127},
                                   std::size_t{128}, std::size_t{5000}, std::size_t{size - 1}}) {
    INFO("cut to " << length << " bytes");
    damaged([&] { fs::resize_file(file, length); });
  }
  damaged([&] { fs::resize_file(file, size + 1); });
  for (const std::size_t at : {0, 8, 16, 31, 32, 47, 64, 10000, 64 + 19999}) {
    INFO("byte " << at << " of " << size);
    damaged([&] {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekg(static_cast<std::streamoff>(at));
      const char changed = static_cast<char>(stream.get() ^ 1);
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(changed);
    });
  }
  damaged([&] {
    fs::remove(file);
    fs::create_symlink("/etc/passwd", file);
  });
  const Digest other = name_of(files, 2);
  files.insert(other, some_bytes(20000, kSeed + 1));
  for (const fs::path& pack : packs_in(folder / "packed"))
    if (pack != file) damaged([&] { fs::copy_file(pack, file, fs::copy_options::overwrite_existing); });
}

TEST_CASE("with another key nothing is found, and a broken key is replaced", "[packed files]") {
  const TemporaryFolder folder;
  const auto bytes = some_bytes(20000);
  Digest before;
  {
    PackedFiles files(folder / "packed");
    before = name_of(files, 1);
    files.insert(before, bytes);
  }
  std::ofstream(folder / "packed" / "key") << "short";
  PackedFiles files(folder / "packed");
  REQUIRE(files.usable());
  CHECK(name_of(files, 1) != before);
  CHECK_FALSE(files.find(before));
  CHECK(holds(files.insert(name_of(files, 1), bytes), bytes));
}

TEST_CASE("a folder that others write to, or that cannot be made, keeps nothing", "[packed files]") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "open");
  fs::permissions(folder / "open", fs::perms::all);
  CHECK_FALSE(PackedFiles(folder / "open").usable());
  std::ofstream(folder / "file") << "in the way";
  CHECK_FALSE(PackedFiles(folder / "file").usable());
  CHECK_FALSE(PackedFiles(folder / "file" / "packed").usable());
}

TEST_CASE("the least recently used packs make room", "[packed files]") {
  const TemporaryFolder folder;
  constexpr std::size_t kBytes = 20000;
  PackedFiles files(folder / "packed", 3 * (kBytes + 128));
  for (std::uint64_t i = 0; i < 3; ++i) {
    files.insert(name_of(files, i), some_bytes(kBytes));
    for (const fs::path& pack : packs_in(folder / "packed"))  // all older than what comes
      fs::last_write_time(pack, fs::last_write_time(pack) - std::chrono::hours(1));
  }
  CHECK(files.find(name_of(files, 0)));
  CHECK(files.insert(name_of(files, 3), some_bytes(kBytes)));
  CHECK(packs_in(folder / "packed").size() == 3);
  CHECK(files.find(name_of(files, 0)));
  CHECK_FALSE(files.find(name_of(files, 1)));
  CHECK_FALSE(files.insert(name_of(files, 4), some_bytes(4 * kBytes)));
}

/// A convolution that is permuted, one that is not, and linear layers: 9 MiB of weights.
Graph network() {
  std::mt19937 random(kSeed);
  Graph graph;
  const auto weights = [&](const Shape& shape) {
    return constant(graph, draw(DType::f32, shape, -0.1, 0.1, random));
  };
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 16, 4, 4})};
  const Value a = relu(apply("Conv", {x, weights({128, 16, 3, 3}), weights({128})}, {}));
  const Value b = relu(apply("Conv", {a, weights({256, 128, 1, 1})}, {}));
  const Value c = relu(matmul(reshape(b, {1, 1024}), weights({1024, 1024})));
  graph.set_outputs({matmul(c, weights({1024, 1024})).id});
  return graph;
}

std::vector<Tensor> input() {
  std::mt19937 random(kSeed);
  return {draw(DType::f32, {1, 16, 4, 4}, -1, 1, random)};
}

TEST_CASE("what another driver packed serves this one", "[packed files]") {
  const TemporaryFolder folder;
  const Graph graph = network();
  const auto expected = interpret(graph, input());
  for (int round = 0; round < 3; ++round) {
    INFO("round " << round);
    const XnnpackDriver driver({.packed = folder / "packed"});
    check_close(run_on(driver, graph, input()), expected);
    const auto packs = packs_in(folder / "packed");
    CHECK(packs.size() == 4);
    if (round == 1) {  // damage reaches no answer
      for (const fs::path& pack : packs) {
        std::fstream stream(pack, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(4096);
        stream.put('x').put('y').put('z');
      }
    }
  }
}

/// The same with quantised weights of each kind: a convolution's and a matrix's of one scale each, of u8 and
/// i8, and one whose input is quantised as it comes.
Graph quantized_network(float input_scale = 0.02f, std::uint8_t zero_point = 130) {
  std::mt19937 random(kSeed);
  Graph graph;
  const auto of = [&](auto value) { return constant(graph, Tensor::scalar(value)); };
  const auto weights = [&](const Shape& shape, DType type) {
    const double shift = type == DType::u8 ? 128 : 0;
    return constant(graph, draw(DType::f32, shape, shift - 90, shift + 90, random).as(type));
  };
  const auto scales = [&](std::int64_t count) {
    return constant(graph, draw(DType::f32, {count}, 0.0005, 0.002, random));
  };
  const auto add = [&](std::string_view domain, std::string_view op, const std::vector<Value>& inputs,
                       Attributes attributes = {}) {
    std::vector<ValueId> ids;
    for (const Value input : inputs) ids.push_back(input.id);
    return Value{&graph, graph.add_node(*find_op(domain, op), ids, std::move(attributes))[0]};
  };
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 16, 4, 4})};
  const auto zero = std::int8_t{0};
  const Value q = apply("QuantizeLinear", {x, of(0.02f), of(zero)});
  const Value a = add("", "QLinearConv",
                      {q, of(0.02f), of(zero), weights({512, 16, 3, 3}, DType::i8), scales(512), of(zero),
                       of(input_scale), of(zero)});
  const Value b = add("", "QLinearMatMul",
                      {reshape(a, {4, 512}), of(input_scale), of(zero), weights({512, 256}, DType::u8),
                       of(0.001f), of(zero_point), of(0.05f), of(zero)});
  const Value c = apply("DequantizeLinear", {b, of(0.05f), of(zero)});
  const Value d =
      add("dormouse", "DynamicQuantizeMatMul", {c, weights({256, 128}, DType::i8), scales(128), of(zero)});
  graph.set_outputs({d.id});
  return graph;
}

/// How many bytes of weights a new driver packs for `graph`.
std::size_t packed_anew(const fs::path& folder, const Graph& graph) {
  Partition partition{&graph, {}, graph.inputs(), graph.outputs()};
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) partition.nodes.push_back(i);
  PackedWeights weights(folder);
  const Rehearsal rehearsal;
  Workspace workspace;
  const Program program(partition, weights, {}, workspace, false);
  return rehearsal.taken().weights;
}

TEST_CASE("a second start packs nothing again, f32 or quantised", "[packed files]") {
  for (const Graph& graph : {network(), quantized_network()}) {
    const TemporaryFolder folder;
    const auto first = run_on(XnnpackDriver({.packed = folder / "packed"}), graph, input());
    const std::size_t packs = packs_in(folder / "packed").size();
    CHECK(packs >= 3);
    CHECK(packed_anew(folder / "packed", graph) == 0);
    for (const fs::path& pack : packs_in(folder / "packed")) {  // damage reaches no answer
      const auto second = run_on(XnnpackDriver({.packed = folder / "packed"}), graph, input());
      CHECK(std::ranges::equal(second[0].bytes(), first[0].bytes()));
      CHECK(packs_in(folder / "packed").size() == packs);
      std::fstream stream(pack, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(4096);
      stream.put('x').put('y').put('z');
    }
  }
}

TEST_CASE("quantised weights of other scales or zero points are other packs", "[packed files]") {
  const TemporaryFolder folder;
  const Graph graphs[] = {quantized_network(), quantized_network(0.03f), quantized_network(0.03f, 120)};
  for (int round = 0; round < 2; ++round)
    for (const Graph& graph : graphs) {
      const auto kept = run_on(XnnpackDriver({.packed = folder / "packed"}), graph, input());
      CHECK(std::ranges::equal(kept[0].bytes(), run_on(XnnpackDriver(), graph, input())[0].bytes()));
    }
  // Of three each: the second network shares one with the first, the third two with the second.
  CHECK(packs_in(folder / "packed").size() == 3 + 2 + 1);
}

TEST_CASE("equal bytes under other attributes are another pack", "[packed files]") {
  const TemporaryFolder folder;
  std::mt19937 random(kSeed);
  const Tensor matrix = draw(DType::f32, {128, 128}, -1, 1, random);
  const std::vector<Tensor> inputs{draw(DType::f32, {1, 128}, -1, 1, random)};
  for (const std::int64_t transposed : {0, 1}) {
    Graph graph;
    const Value x{&graph, graph.add_input("x", DType::f32, {1, 128})};
    graph.set_outputs({apply("Gemm", {x, constant(graph, matrix)}, {{"transB", transposed}}).id});
    const XnnpackDriver driver({.packed = folder / "packed"});
    check_close(run_on(driver, graph, inputs), interpret(graph, inputs));
  }
  CHECK(packs_in(folder / "packed").size() == 2);
}

/// What the kernel says of this process's mappings of files under `folder`: "Rss", "Pss", in bytes.
std::size_t mapped(const fs::path& folder, const std::string& field) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t bytes = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (const auto space = line.find(' '); space != std::string::npos && line[space - 1] != ':')
      ours = line.find(folder.string()) != std::string::npos;
    else if (ours && line.starts_with(field + ":"))
      bytes += std::stoul(line.substr(field.size() + 1)) * 1024;
  }
  return bytes;
}

TEST_CASE("two processes share the bytes they packed", "[packed files]") {
  const TemporaryFolder folder;
  const Graph graph = network();
  int ready[2], done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // nothing was mapped before the fork
    const XnnpackDriver driver({.packed = folder / "packed"});
    const engine::Driver* const drivers[] = {&driver};
    const Session session(graph, drivers);
    session.run(input());
    char byte = 0;
    const bool told = ::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) == 1;
    ::_exit(told ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  const XnnpackDriver driver({.packed = folder / "packed"});
  const engine::Driver* const drivers[] = {&driver};
  const Session session(graph, drivers);
  session.run(input());
  const std::size_t resident = mapped(folder / "packed", "Rss"), share = mapped(folder / "packed", "Pss");
  CHECK(::write(done[1], &byte, 1) == 1);
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  INFO("of " << resident << " bytes " << share << " count as this process's");
  CHECK(resident > 8 << 20);
  CHECK(std::abs(static_cast<double>(share) / static_cast<double>(resident) - 0.5) < 0.02);
}

TEST_CASE("digests tell bytes and their borders apart", "[packed files]") {
  std::mt19937_64 random(kSeed);
  Digester::Key key;
  for (auto& word : key) word = random();
  const auto of = [&](std::initializer_list<std::string_view> texts) {
    Digester digester(key);
    for (const std::string_view text : texts) digester.add(text);
    return digester.finish();
  };
  CHECK(of({"ab", "c"}) == of({"ab", "c"}));
  CHECK(of({"ab", "c"}) != of({"a", "bc"}));
  CHECK(of({"abc"}) != of({"abc", ""}));
  CHECK(of({"abc"}) != of({std::string_view("abc\0", 4)}));
  const std::string zeros(256, '\0');
  std::vector<Digest> seen;
  for (std::size_t bit = 0; bit < 8 * zeros.size(); ++bit) {
    std::string one = zeros;
    one[bit / 8] = static_cast<char>(1 << bit % 8);
    seen.push_back(of({one}));
  }
  std::ranges::sort(seen);
  CHECK(std::ranges::adjacent_find(seen) == seen.end());
}

}  // namespace
}  // namespace dormouse::drivers::xnnpack
