#include "hrm/verifier.h"

#include <algorithm>
#include <array>

namespace dormouse::hrm {
namespace {

using engine::Tensor;

bool is_way(const Tensor& x, std::span<const std::uint8_t> answer) {
  const std::size_t cells = answer.size();
  if (x.shape().rank() != 4 || static_cast<std::size_t>(x.elements()) != 3 * cells) return false;
  const auto width = static_cast<std::size_t>(x.shape()[3]);
  const auto seen = x.values<float>();
  std::size_t start = cells, marked = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    marked += answer[i];
    if (answer[i] && seen[i] == 0) return false;
    if (seen[cells + i] > 0) start = i;
  }
  if (start == cells || !answer[start]) return false;
  // Along the only marked cell beside this one that the line did not come from.
  for (std::size_t at = start, from = cells, length = 1;; ++length) {
    std::size_t next = cells, ways = 0;
    const auto look = [&](bool inside, std::size_t to) {
      if (!inside || to == from || !answer[to]) return;
      next = to;
      ++ways;
    };
    look(at >= width, at - width);
    look(at % width > 0, at - 1);
    look(at % width + 1 < width, at + 1);
    look(at + width < cells, at + width);
    if (seen[2 * cells + at] > 0) return ways == 0 && length == marked;
    if (ways != 1 || length > marked) return false;
    from = at;
    at = next;
  }
}

bool is_sudoku(const Tensor& x, std::span<const std::uint8_t> answer) {
  constexpr std::size_t kSide = 6, kCells = kSide * kSide, kSymbols = kSide + 1;
  if (answer.size() != kCells || static_cast<std::size_t>(x.elements()) != kCells * kSymbols) return false;
  const auto seen = x.values<float>();
  std::array<std::uint32_t, 3 * kSide> sets{};
  for (std::size_t i = 0; i < kCells; ++i) {
    if (seen[i * kSymbols] == 0 && seen[i * kSymbols + 1 + answer[i]] == 0) return false;
    for (const std::size_t set : {i / kSide, kSide + i % kSide, 2 * kSide + i / 12 * 2 + i % kSide / 3})
      sets[set] |= 1u << answer[i];
  }
  return std::ranges::all_of(sets, [](std::uint32_t digits) { return digits == (1u << kSide) - 1; });
}

constexpr Verifier kVerifiers[] = {{"maze", is_way}, {"sudoku", is_sudoku}};

}  // namespace

std::span<const Verifier> verifiers() { return kVerifiers; }

Verify verifier_for(std::string_view puzzle) {
  const auto found = std::ranges::find(verifiers(), puzzle, &Verifier::puzzle);
  return found == verifiers().end() ? Verify{} : Verify{found->accepts};
}

Verify scored_by(std::shared_ptr<const engine::Session> model, float least) {
  return [model = std::move(model), least](const Tensor& x, std::span<const std::uint8_t> answer) {
    Tensor cells(engine::DType::f32, {1, std::ssize(answer)});
    std::ranges::copy(answer, cells.mutable_values<float>().begin());
    return model->run(std::array{x, cells}).at(0).values<float>()[0] >= least;
  };
}

}  // namespace dormouse::hrm
