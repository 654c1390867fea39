#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/driver.h"
#include "engine/session.h"

namespace dormouse::learning {

/// A model that is given one sample at a time and whose memory of those before it is outside of it: what
/// stream_model() writes (`dormouse export --stream`), and any other graph of that form.
///
/// The form: the first input is one sample, f32, all of its extents fixed but for a batch in front. Every
/// other input is a state, f32, fixed likewise; the output that is called like it with ".next" behind is the
/// same state after the sample. Zeros are the start. The first of the remaining outputs is the answer, f32.
///
/// Immutable and thread-safe: any number of streams share one, each with a state of its own.
class StreamRunner {
 public:
  /// `drivers` are borrowed for the runner's life. Throws Failure(configuration) naming the input or output
  /// that is not of the form.
  StreamRunner(const engine::Graph& graph, std::span<const engine::Driver* const> drivers);

  using State = std::vector<engine::Tensor>;  ///< in the order of names()

  std::int64_t channels() const { return channels_; }
  std::size_t answers() const { return answers_; }  ///< values of an answer
  const std::vector<std::string>& names() const { return names_; }
  State start() const;
  std::size_t state_bytes() const;
  /// Of weights and operators: states of one model mean nothing to another.
  const std::string& digest() const { return digest_; }

  /// The answer after the next sample [channels()]; `state` moves on, or stays as it was when this throws:
  /// Failure(invalid) when the answer or the state would not be finite.
  std::vector<float> step(State& state, std::span<const float> sample) const;

  /// Whether it is a state of this model: count, shapes, finite values.
  bool fits(const State& state) const;

 private:
  void try_out();

  std::unique_ptr<engine::Session> session_;
  engine::Shape input_;
  std::int64_t channels_ = 0;
  std::size_t answers_ = 0;
  std::vector<std::string> names_;
  std::vector<engine::Shape> shapes_;  ///< of the states
  std::string digest_;
};

}  // namespace dormouse::learning
