#include "daemon/service/kept_stream.h"

#include <algorithm>

#include "config/log.h"
#include "daemon/run_on.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t kRowsAtOnce = 256;  // worked off before others get the thread

fs::path state_file(const Service& service, const std::string& name) {
  const fs::path folder = service.options().state / "streams";
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Failure(Errc::io, folder.string() + ": cannot make this folder: " + failed.message());
  const std::string file = name + ".safetensors";
  for (const auto& entry : fs::directory_iterator(folder))  // left by a write that a power cut ended
    if (entry.path().filename().string().starts_with(file + ".part-")) fs::remove(entry.path(), failed);
  return folder / file;
}

}  // namespace

KeptStream::KeptStream(Service& service, const KeptStreamOptions& options, EventStream::Options events)
    : Stream(options.name, service.io().get_executor(), events),
      turns_(service.io()),
      service_(service),
      file_(state_file(service, options.name)),
      save_(options.save),
      saved_at_(service.clock().now()) {}

asio::awaitable<Pushed> KeptStream::push(engine::Tensor rows, bool wait, bool) {
  const auto count = static_cast<std::size_t>(rows.shape()[0]);
  Pushed pushed;
  if (wait && count > kMostWaiting)
    throw Failure(Errc::invalid, "stream '" + name() + "': " + std::to_string(count) +
                                     " rows at once; a push that waits for its answers brings at most " +
                                     std::to_string(kMostWaiting));
  if (!wait && waiting_ + count > kMostWaiting) {
    dropped_ += count;
    pushed.dropped = dropped_;
    co_return pushed;
  }
  waiting_ += count;
  struct Leave {
    std::size_t& waiting;
    std::size_t count;
    ~Leave() { waiting -= count; }
  };
  const Leave leave{waiting_, count};
  co_await turns_.wait();
  const Turn turn(*this);
  for (std::int64_t first = 0; first < rows.shape()[0]; first += kRowsAtOnce) {
    auto taken = take(rows.rows(first, std::min(kRowsAtOnce, rows.shape()[0] - first)), wait);
    std::vector<json::object> answers = co_await std::move(taken);
    if (wait) std::ranges::move(answers, std::back_inserter(pushed.answers));
  }
  pushed.accepted = count;
  pushed.dropped = dropped_;
  co_return pushed;
}

json::object KeptStream::status() const { return {{"rows", rows_}, {"dropped", dropped_}}; }

asio::awaitable<std::uint64_t> KeptStream::save() {
  saved_at_ = service_.clock().now();  // what fails is tried again when it is due again
  engine::NamedTensors now;
  std::uint64_t rows = 0;
  {
    co_await turns_.wait();
    const Turn turn(*this);
    auto copy = [this] { return state(); };
    now = co_await run_on(service_.compute(), std::move(copy));
    rows = rows_;
    dirty_ = false;
  }
  // Nobody runs between the turn's end and here: states reach the storage thread in the stream's order.
  auto work = [this, state = std::move(now)] { write(state); };
  try {
    co_await run_on(service_.storage(), std::move(work));
  } catch (const Failure&) {
    dirty_ = true;
    throw;
  }
  saved_rows_ = rows;
  co_return rows;
}

asio::awaitable<void> KeptStream::save_when_due() {
  if (!dirty_ || service_.clock().now() - saved_at_ < save_) co_return;
  try {
    co_await save();
  } catch (const Failure& failure) {
    log(Level::warning, "stream " + name() + ": not saved: " + failure.error().context);
  }
}

std::optional<engine::NamedTensors> KeptStream::saved() const {
  if (!fs::exists(file_)) return std::nullopt;
  return engine::read_safetensors(file_.string());
}

void KeptStream::save_at_end() noexcept {
  if (!dirty_) return;
  try {
    write(state());
  } catch (const Failure& failure) {
    log(Level::error, "stream " + name() + ": not saved: " + failure.error().context);
  }
}

void KeptStream::write(const engine::NamedTensors& state) const {
  engine::write_safetensors(file_.string(), state);
}

}  // namespace dormouse::daemon
