#include "daemon/service/batcher.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

namespace dormouse::daemon {

namespace asio = boost::asio;
using engine::Shape;
using engine::Tensor;

/// A request in a batch.
struct Batcher::Member {
  Member(asio::io_context& io, InferenceJob given, Priority urgent)
      : job(std::move(given)), rows(job.inputs.front().shape()[0]), priority(urgent), done(io) {}

  void finish() {
    finished = true;
    done.cancel();
  }

  InferenceJob job;
  std::int64_t rows;
  Priority priority;
  asio::steady_timer done;
  bool finished = false;
  bool left = false;
  InferenceResult result;
  std::exception_ptr error;
};

struct Batcher::Batch {
  explicit Batch(asio::io_context& io) : full(io) {}
  asio::steady_timer full;
  std::vector<std::shared_ptr<Member>> members;
  std::int64_t rows = 0;
};

namespace {

bool same_but_rows(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape().rank() == b.shape().rank() &&
         std::equal(a.shape().begin() + 1, a.shape().end(), b.shape().begin() + 1);
}

/// One below the other.
Tensor stacked(const std::vector<const Tensor*>& parts, std::int64_t rows) {
  Shape shape = parts.front()->shape();
  shape[0] = rows;
  Tensor whole(parts.front()->dtype(), std::move(shape));
  std::byte* to = whole.mutable_data();
  for (const Tensor* const part : parts) {
    if (part->byte_size() > 0) std::memcpy(to, part->data(), part->byte_size());
    to += part->byte_size();
  }
  return whole;
}

/// The rows from `first` on that are one member's.
InferenceResult part_of(InferenceResult& whole, std::int64_t first, std::int64_t rows) {
  InferenceResult part;
  for (const Tensor& output : whole.outputs) part.outputs.push_back(output.rows(first, rows));
  if (whole.rows.empty()) return part;
  const auto begin = std::make_move_iterator(whole.rows.begin() + first);
  part.rows.assign(begin, begin + rows);
  return part;
}

void check_rows(const InferenceResult& whole, std::int64_t rows) {
  for (const Tensor& output : whole.outputs)
    if (output.shape().rank() == 0 || output.shape()[0] != rows)
      throw Failure(Errc::unsupported, "an output of " + to_string(output.shape()) + " for a batch of " +
                                           std::to_string(rows) +
                                           " rows cannot be divided among requests: turn 'batching' off");
}

}  // namespace

bool Batcher::takes(const InferenceJob& job) const {
  if (job.inputs.empty() || job.inputs.front().shape().rank() == 0) return false;
  const std::int64_t rows = job.inputs.front().shape()[0];
  return rows > 0 && rows < options_.max && std::ranges::all_of(job.inputs, [rows](const Tensor& input) {
           return input.shape().rank() > 0 && input.shape()[0] == rows;
         });
}

bool Batcher::fits(const Batch& batch, const InferenceJob& job) const {
  const InferenceJob& first = batch.members.front()->job;
  // Answers of one batch are the first one's models' and judge's.
  const auto planner = [](const InferenceJob& one) { return one.planner ? one.planner->model : nullptr; };
  return first.served.model == job.served.model && planner(first) == planner(job) &&
         first.judge == job.judge && batch.rows + job.inputs.front().shape()[0] <= options_.max &&
         std::ranges::equal(first.inputs, job.inputs, same_but_rows);
}

asio::awaitable<InferenceResult> Batcher::compute(InferenceJob job, Urgency urgency) {
  throw_if_late(urgency);
  if (open_ && !fits(*open_, job)) {
    open_->full.cancel();
    open_.reset();
  }
  const auto member = std::make_shared<Member>(io_, std::move(job), urgency.priority);
  if (!open_) {
    open_ = std::make_shared<Batch>(io_);
    asio::co_spawn(io_, run(open_), asio::detached);  // run() catches what can be thrown
  }
  open_->members.push_back(member);
  open_->rows += member->rows;
  if (open_->rows >= options_.max) {
    open_->full.cancel();
    open_.reset();
  }
  const std::stop_callback hang_up(urgency.gone, [&member] { member->done.cancel(); });
  member->done.expires_at(urgency.deadline.value_or(std::chrono::steady_clock::time_point::max()));
  boost::system::error_code cancelled;
  co_await member->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  member->left = !member->finished;
  if (member->error) std::rethrow_exception(member->error);
  if (member->left) {
    throw_if_late(urgency);
    throw Failure(Errc::unavailable, "the daemon stops");
  }
  co_return std::move(member->result);
}

asio::awaitable<void> Batcher::run(std::shared_ptr<Batch> batch) {
  if (batch->rows < options_.max && open_ == batch) {
    batch->full.expires_after(options_.delay);
    boost::system::error_code cancelled;
    co_await batch->full.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  if (open_ == batch) open_.reset();
  std::vector<std::shared_ptr<Member>> members = std::move(batch->members);
  std::erase_if(members, [](const auto& member) { return member->left; });
  if (members.empty()) co_return;
  std::exception_ptr error;
  try {
    co_await run_together(members);
  } catch (...) {
    error = std::current_exception();
  }
  for (const auto& member : members) {
    member->error = error;
    member->finish();
  }
}

asio::awaitable<void> Batcher::run_together(const std::vector<std::shared_ptr<Member>>& members) {
  const Member& first = *members.front();
  InferenceJob job = first.job;
  Urgency urgency{Priority::background};
  std::int64_t rows = 0;
  for (const auto& member : members) {
    rows += member->rows;
    urgency.priority = std::min(urgency.priority, member->priority);
  }
  for (std::size_t i = 0; i < job.inputs.size() && members.size() > 1; ++i) {
    std::vector<const Tensor*> parts;
    for (const auto& member : members) parts.push_back(&member->job.inputs[i]);
    job.inputs[i] = stacked(parts, rows);
  }
  auto work = compute_(std::move(job), std::move(urgency));
  InferenceResult whole = co_await std::move(work);
  ++batches_;
  rows_ += static_cast<std::uint64_t>(rows);
  if (members.size() > 1) check_rows(whole, rows);
  std::int64_t at = 0;
  for (const auto& member : members) {
    member->result = members.size() > 1 ? part_of(whole, at, member->rows) : std::move(whole);
    at += member->rows;
  }
}

}  // namespace dormouse::daemon
