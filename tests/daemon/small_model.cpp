#include "tests/daemon/small_model.h"

#include <algorithm>
#include <cmath>

#include "engine/formats/onnx.h"
#include "engine/op.h"
#include "engine/session.h"
#include "learning/random.h"
#include "learning/ridge.h"
#include "learning/seed_inputs.h"

namespace dormouse::daemon {
namespace {

using namespace engine;
using learning::LabelledLatents;
using learning::Random;

constexpr std::size_t kTraining = 60;  // examples a known colour
constexpr std::size_t kHeldOut = 20;

Tensor random_tensor(Random& random, Shape shape, double size) {
  Tensor tensor(DType::f32, std::move(shape));
  for (float& x : tensor.mutable_values<float>()) x = static_cast<float>(size * random.normal());
  return tensor;
}

/// x → features.
Graph trunk(Random& random, std::int64_t latent) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::f32, Shape{kDynamic, SmallModel::kWidth});
  const ValueId w =
      graph.add_constant("trunk.weight", random_tensor(random, {SmallModel::kWidth, latent}, 0.35));
  const ValueId b = graph.add_constant("trunk.bias", random_tensor(random, {latent}, 0.2));
  const ValueId product = graph.add_node(*find_op("", "MatMul"), {x, w}).front();
  const ValueId sum = graph.add_node(*find_op("", "Add"), {product, b}).front();
  graph.mark_output(graph.add_node(*find_op("", "Relu"), {sum}, {}, {"features"}).front());
  return graph;
}

/// latent → logits appended to `graph` at `latent`.
ValueId add_head(Graph& graph, ValueId latent, const LinearHead& head) {
  const auto width = static_cast<std::int64_t>(head.latent_size());
  const auto classes = static_cast<std::int64_t>(head.classes());
  const auto values = head.weights.values<float>();
  const auto bias = static_cast<std::size_t>(width * classes);
  constexpr float kSharpness = 6;  // ridge answers 0 and 1; a softmax wants more
  const auto scaled = [&](std::span<const float> part) {
    std::vector<float> result(part.begin(), part.end());
    for (float& x : result) x *= kSharpness;
    return result;
  };
  const ValueId w =
      graph.add_constant("head.weight", Tensor::from<float>({width, classes}, scaled(values.first(bias))));
  const ValueId b =
      graph.add_constant("head.bias", Tensor::from<float>({classes}, scaled(values.subspan(bias))));
  return graph.add_node(*find_op("", "Gemm"), {latent, w, b}, {}, {"logits"}).front();
}

}  // namespace

const std::vector<std::string>& SmallModel::known() {
  static const std::vector<std::string> labels{"red", "green", "blue"};
  return labels;
}

const std::vector<std::string>& SmallModel::colours() {
  static const std::vector<std::string> labels{"red", "green", "blue", "grey", "pink", "gold"};
  return labels;
}

SmallModel::SmallModel(std::uint64_t seed) : seed_(seed), centres_(colours().size() * kWidth) {
  Random random(seed);
  for (float& x : centres_) x = static_cast<float>(2 * random.normal());
}

Tensor SmallModel::example(const std::string& colour, std::uint64_t index) const {
  const auto which = static_cast<std::size_t>(std::ranges::find(colours(), colour) - colours().begin());
  ensure(which < colours().size(), "a colour of this world");
  Random random((seed_ * 1000 + which) * 1'000'000 + index);
  Tensor example(DType::f32, {1, kWidth});
  const auto values = example.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = centres_[which * kWidth + i] + static_cast<float>(random.normal());
  return example;
}

Tensor SmallModel::between() const {
  Tensor middle(DType::f32, {1, kWidth});
  const auto values = middle.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = (centres_[i] + centres_[2 * kWidth + i]) / 2;
  return middle;
}

Tensor SmallModel::probes(std::size_t count) const {
  std::vector<float> values;
  for (const std::string& colour : colours())
    for (std::size_t i = 0; i < count; ++i) {
      const Tensor one = example(colour, 500'000 + i);
      values.insert(values.end(), one.values<float>().begin(), one.values<float>().end());
    }
  return Tensor::from<float>({static_cast<std::int64_t>(values.size()) / kWidth, kWidth}, values);
}

void SmallModel::write(const std::string& folder, const std::string& name, std::int64_t latent) const {
  Random random(seed_ + static_cast<std::uint64_t>(latent));
  Graph graph = trunk(random, latent);
  const Session features(graph, {});
  const auto latents = [&](std::uint64_t first, std::size_t count) {
    std::vector<float> values;
    LabelledLatents data;
    for (std::size_t c = 0; c < known().size(); ++c)
      for (std::size_t i = 0; i < count; ++i) {
        const Tensor row = features.run(std::vector{example(known()[c], first + i)})[0];
        values.insert(values.end(), row.values<float>().begin(), row.values<float>().end());
        data.classes.push_back(static_cast<learning::ClassIndex>(c));
      }
    data.latents = Tensor::from<float>({static_cast<std::int64_t>(data.classes.size()), latent}, values);
    return data;
  };
  const auto inputs = [&](std::uint64_t first, std::size_t count) {
    learning::PackedInputs kept({1, kWidth});
    for (std::size_t c = 0; c < known().size(); ++c)
      for (std::size_t i = 0; i < count; ++i)
        kept.add(example(known()[c], first + i).values<float>(), static_cast<learning::ClassIndex>(c));
    return kept;
  };
  const LabelledLatents training = latents(100'000, kTraining), held_out = latents(200'000, kHeldOut);
  const auto width = static_cast<std::size_t>(latent);
  learning::RidgeHead ridge(width, learning::Statistics(known().size(), learning::ClassStatistics(width)),
                            {});
  for (std::size_t i = 0; i < training.size(); ++i) ridge.observe(training.row(i), training.classes[i]);
  const LinearHead head = ridge.head();

  Graph part;
  part.mark_output(add_head(part, part.add_input("features", DType::f32, {kDynamic, latent}), head));
  const InputNormaliser normaliser{{0.0f, 0.0f}, {1.0f, 1.0f}};
  const learning::SeedOptions options{.replay_per_class = kTraining, .heldout_per_class = kHeldOut};
  learning::write_seed(folder + "/" + name + ".seed.safetensors",
                       learning::make_seed(part, known(), training, held_out, normaliser, options),
                       {inputs(100'000, kTraining), inputs(200'000, kHeldOut)});

  graph.set_outputs({add_head(graph, graph.outputs()[0], head)});
  graph.metadata = {{"dormouse.labels", R"(["red","green","blue"])"}, {"dormouse.cut", "features"}};
  write_onnx(graph, folder + "/" + name + ".onnx");
}

}  // namespace dormouse::daemon
