#include "tests/bench/ladder/tasks.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "learning/random.h"

namespace dormouse::bench {
namespace {

using engine::DType;
using engine::Shape;
using learning::LabelledLatents;
using Rows = std::vector<std::size_t>;
using Terms = std::shared_ptr<const Selection::Terms>;

Rows everything(std::size_t size) {
  Rows rows(size);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

template <class Predicate>
Rows rows_where(const Examples& examples, Predicate predicate) {
  Rows rows;
  for (std::size_t row = 0; row < examples.size(); ++row)
    if (predicate(row)) rows.push_back(row);
  return rows;
}

Terms terms_of(const Examples& examples, std::span<const std::size_t> training_rows, std::uint32_t classes) {
  Scale scale = examples.inputs.dtype() == DType::u8 ? Scale::of_bytes(examples.width())
                                                     : Scale::of(examples, training_rows);
  return std::make_shared<const Selection::Terms>(std::move(scale), classes);
}

std::uint32_t classes_of(const Examples& examples) { return std::ranges::max(examples.classes) + 1; }

/// Classes 0 and 1, then 2 and 3, …; classes are told apart by their remainder.
Stream pairs_of_classes(const DataSet& data, std::uint32_t told_apart) {
  const Terms terms = terms_of(data.train, everything(data.train.size()), told_apart);
  Stream stream{{}, told_apart, data.train.width()};
  for (std::uint32_t first = 0; first < classes_of(data.train); first += 2) {
    const auto part = [&](const Examples& examples) {
      return Selection(
          examples,
          rows_where(examples, [&](std::size_t row) { return examples.classes[row] / 2 == first / 2; }),
          terms);
    };
    stream.tasks.push_back({part(data.train), part(data.test)});
  }
  return stream;
}

std::vector<std::uint32_t> people_in_order(const Examples& examples, std::uint64_t seed) {
  const std::set<std::uint32_t> people(examples.groups.begin(), examples.groups.end());
  std::vector<std::uint32_t> order(people.begin(), people.end());
  learning::Random(seed).shuffle(order);
  return order;
}

}  // namespace

Selection::Selection(const Examples& examples, Rows rows, std::shared_ptr<const Terms> terms,
                     std::shared_ptr<const Rows> order)
    : examples_(&examples), rows_(std::move(rows)), terms_(std::move(terms)), order_(std::move(order)) {}

void Selection::write(std::size_t row, std::span<float> input) const {
  const Scale& scale = terms_->scale;
  const auto fill = [&](auto values) {
    for (std::size_t i = 0; i < input.size(); ++i) {
      const std::size_t element = order_ ? (*order_)[i] : i;
      input[i] = (static_cast<float>(values[element]) - scale.mean[element]) / scale.deviation[element];
    }
  };
  const std::size_t width = input.size();
  if (examples_->inputs.dtype() == DType::u8)
    fill(examples_->inputs.values<std::uint8_t>().subspan(row * width, width));
  else
    fill(examples_->inputs.values<float>().subspan(row * width, width));
}

LabelledLatents Selection::at(std::span<const std::size_t> positions) const {
  const std::size_t width = examples_->width();
  LabelledLatents batch;
  batch.latents = engine::Tensor(
      DType::f32, Shape{static_cast<std::int64_t>(positions.size()), static_cast<std::int64_t>(width)});
  const auto inputs = batch.latents.mutable_values<float>();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::size_t row = rows_.at(positions[i]);
    write(row, inputs.subspan(i * width, width));
    batch.classes.push_back(examples_->classes[row] % terms_->classes);
  }
  return batch;
}

LabelledLatents Selection::range(std::size_t first, std::size_t count) const {
  Rows positions(count);
  std::iota(positions.begin(), positions.end(), first);
  return at(positions);
}

Stream two_classes_a_task(const DataSet& data, std::uint64_t) {
  return pairs_of_classes(data, classes_of(data.train));
}

Stream parity(const DataSet& data, std::uint64_t) { return pairs_of_classes(data, 2); }

Stream permuted(const DataSet& data, std::uint64_t seed) {
  const Terms terms = terms_of(data.train, {}, classes_of(data.train));
  Stream stream{{}, terms->classes, data.train.width()};
  learning::Random random(seed);
  for (int task = 0; task < 10; ++task) {
    Rows pixels = everything(stream.width);
    random.shuffle(pixels);
    const auto order = std::make_shared<const Rows>(std::move(pixels));
    const auto all = [&](const Examples& examples) {
      return Selection(examples, everything(examples.size()), terms, order);
    };
    stream.tasks.push_back({all(data.train), all(data.test)});
  }
  return stream;
}

Stream three_people_a_task(const DataSet& data, std::uint64_t seed) {
  const Examples& examples = data.train;
  std::map<std::pair<std::uint32_t, learning::ClassIndex>, Rows> windows;
  for (std::size_t row = 0; row < examples.size(); ++row)
    windows[{examples.groups[row], examples.classes[row]}].push_back(row);
  std::map<std::uint32_t, std::pair<Rows, Rows>> people;  // train, test
  Rows training;
  for (const auto& [who, rows] : windows) {
    const auto cut = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() * 7 / 10);
    auto& [train, test] = people[who.first];
    train.insert(train.end(), rows.begin(), cut);
    test.insert(test.end(), cut + 1, rows.end());
    training.insert(training.end(), rows.begin(), cut);
  }
  const Terms terms = terms_of(examples, training, classes_of(examples));
  Stream stream{{}, terms->classes, examples.width()};
  const auto order = people_in_order(examples, seed);
  for (std::size_t first = 0; first < order.size(); first += 3) {
    Rows train, test;
    for (const std::uint32_t person :
         std::span(order).subspan(first, std::min<std::size_t>(3, order.size() - first))) {
      std::ranges::copy(people[person].first, std::back_inserter(train));
      std::ranges::copy(people[person].second, std::back_inserter(test));
    }
    stream.tasks.push_back({Selection(examples, train, terms), Selection(examples, test, terms)});
  }
  return stream;
}

Stream one_speaker_a_task(const DataSet& data, std::uint64_t seed) {
  const Terms terms = terms_of(data.train, everything(data.train.size()), classes_of(data.train));
  Stream stream{{}, terms->classes, data.train.width()};
  for (const std::uint32_t speaker : people_in_order(data.train, seed)) {
    const auto said = [&](const Examples& examples) {
      return Selection(examples,
                       rows_where(examples, [&](std::size_t row) { return examples.groups[row] == speaker; }),
                       terms);
    };
    stream.tasks.push_back({said(data.train), said(data.test)});
  }
  return stream;
}

}  // namespace dormouse::bench
