#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/service/inference.h"
#include "daemon/service/queue.h"

namespace dormouse::daemon {

/// Gathers requests of one model whose inputs have the same shapes but for the first extent, the batch.
///
/// Lives on the io thread.
class Batcher {
 public:
  using Compute = std::function<boost::asio::awaitable<InferenceResult>(InferenceJob, Urgency)>;

  Batcher(boost::asio::io_context& io, BatchingOptions options, Compute compute)
      : io_(io), options_(options), compute_(std::move(compute)) {}

  /// Whether the rows of this job may be computed among others: every input has them, and they are not too
  /// many.
  bool takes(const InferenceJob& job) const;
  /// The job's own rows of what its batch came to. Throws Failure as computing does, Failure(expired) when
  /// the deadline passes first or nobody waits any more; the others of its batch do not notice.
  boost::asio::awaitable<InferenceResult> compute(InferenceJob job, Urgency urgency);

  std::uint64_t batches() const { return batches_; }
  std::uint64_t rows() const { return rows_; }

 private:
  struct Member;
  struct Batch;

  bool fits(const Batch& batch, const InferenceJob& job) const;
  boost::asio::awaitable<void> run(std::shared_ptr<Batch> batch);
  boost::asio::awaitable<void> run_together(const std::vector<std::shared_ptr<Member>>& members);

  boost::asio::io_context& io_;
  BatchingOptions options_;
  Compute compute_;
  std::shared_ptr<Batch> open_;  ///< still takes members
  std::uint64_t batches_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace dormouse::daemon
