#include "learning/core_set.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

namespace dormouse::learning {
namespace {

namespace json = boost::json;

constexpr std::string_view kDigits = "0123456789abcdef";

std::string hexadecimal(const std::vector<std::int8_t>& codes) {
  std::string text;
  text.reserve(2 * codes.size());
  for (const std::int8_t code : codes) {
    const auto byte = static_cast<std::uint8_t>(code);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::vector<std::int8_t> codes_of(std::string_view text) {
  const auto digit = [](char c) {
    const auto at = kDigits.find(c);
    if (at == std::string_view::npos) throw std::invalid_argument("a latent that is not hexadecimal");
    return static_cast<int>(at);
  };
  if (text.size() % 2 != 0) throw std::invalid_argument("half a byte");
  std::vector<std::int8_t> codes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    codes.push_back(
        static_cast<std::int8_t>(static_cast<std::uint8_t>(16 * digit(text[i]) + digit(text[i + 1]))));
  return codes;
}

CoreExample example_of(const json::object& object) {
  CoreExample example;
  example.episode = object.at("episode").to_number<std::uint64_t>();
  example.label = json::value_to<std::string>(object.at("label"));
  const json::string& codes = object.at("latent").as_string();
  example.codes = codes_of({codes.data(), codes.size()});
  example.scale = object.at("scale").to_number<float>();
  example.held = object.at("held").as_bool();
  return example;
}

}  // namespace

bool CoreSet::knows(std::string_view label) const {
  return std::ranges::find(examples_, label, &CoreExample::label) != examples_.end();
}

void CoreSet::add(std::uint64_t episode, const std::string& label, std::span<const float> latent) {
  if (std::ranges::count(examples_, label, &CoreExample::label) >= std::ptrdiff_t{kPerClass}) return;
  const auto width = static_cast<std::int64_t>(latent.size());
  const QuantisedLatents coded = quantise(Tensor::from<float>(Shape{1, width}, latent));
  const auto codes = coded.codes.values<std::int8_t>();
  examples_.push_back({episode, label, {codes.begin(), codes.end()}, coded.scales.values<float>()[0], false});
}

void CoreSet::measured(const std::vector<bool>& right, std::size_t classes) {
  ensure(right.size() == examples_.size(), "an answer for every example");
  std::map<std::string_view, std::ptrdiff_t> better;
  for (std::size_t i = 0; i < right.size(); ++i)
    better[examples_[i].label] += (right[i] ? 1 : 0) - (examples_[i].held ? 1 : 0);
  for (std::size_t i = 0; i < right.size(); ++i)
    if (classes > classes_ || better.at(examples_[i].label) >= 0) examples_[i].held = right[i];
  classes_ = std::max(classes, classes_);
}

void CoreSet::relabel(std::uint64_t episode, const std::string& label) {
  for (CoreExample& example : examples_) {
    if (example.episode != episode || example.label == label) continue;
    example.label = label;
    example.held = false;
  }
}

bool CoreSet::forget(const std::function<bool(std::uint64_t)>& gone) {
  return std::erase_if(examples_, [&](const CoreExample& example) {
           return example.episode != 0 && gone(example.episode);
         }) > 0;
}

std::pair<LabelledLatents, std::vector<bool>> CoreSet::known_among(
    const std::vector<std::string>& labels) const {
  LabelledRows known(examples_.empty() ? 0 : examples_.front().codes.size());
  std::vector<float> latent;
  std::vector<bool> held;
  for (const CoreExample& example : examples_) {
    const auto label = std::ranges::find(labels, example.label);
    if (label == labels.end()) continue;
    latent.clear();
    for (const std::int8_t code : example.codes) latent.push_back(static_cast<float>(code) * example.scale);
    known.add(latent, static_cast<ClassIndex>(label - labels.begin()));
    held.push_back(example.held);
  }
  return {known.take(), std::move(held)};
}

std::string to_json(const CoreSet& core) {
  json::array examples;
  for (const CoreExample& example : core.examples())
    examples.push_back({{"episode", example.episode},
                        {"label", example.label},
                        {"latent", hexadecimal(example.codes)},
                        {"scale", example.scale},
                        {"held", example.held}});
  return json::serialize(
      json::object{{"basis", core.basis()}, {"classes", core.classes()}, {"examples", std::move(examples)}});
}

CoreSet parse_core_set(std::string_view text, const std::string& name) {
  try {
    const json::object root = json::parse({text.data(), text.size()}).as_object();
    CoreSet core(json::value_to<std::string>(root.at("basis")));
    core.classes_ = root.at("classes").to_number<std::size_t>();
    for (const json::value& item : root.at("examples").as_array()) {
      core.examples_.push_back(example_of(item.as_object()));
      if (core.examples_.back().codes.size() != core.examples_.front().codes.size())
        throw std::invalid_argument("latents of several widths");
    }
    return core;
  } catch (const std::exception& failure) {
    throw Failure(Errc::corrupt, name + ": not a core set: " + failure.what());
  }
}

}  // namespace dormouse::learning
