#include "daemon/service/indexing.h"

#include <optional>

#include "config/log.h"
#include "daemon/low_priority.h"
#include "daemon/run_on.h"
#include "memory/graph_file.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::size_t kPiece = 256;               // nodes, a few dozen milliseconds
constexpr std::chrono::hours kCheckpointAge{24};  // a flash card is not written more often for a cache

void remove_quietly(const fs::path& file) {
  std::error_code ignored;
  fs::remove(file, ignored);
}

bool is_recent(const fs::path& file) {
  std::error_code missing;
  const auto written = fs::last_write_time(file, missing);
  return !missing && fs::file_time_type::clock::now() - written < kCheckpointAge;
}

/// Writes the graph's checkpoint, to be moved to its place. A disk that refuses costs the next start a
/// rebuild, nothing else.
void write(const memory::GraphBuilder& builder, std::size_t beam, std::int64_t embedding,
           const fs::path& file) {
  try {
    fs::create_directories(file.parent_path());
    memory::write_checkpoint(file, memory::checkpoint_of(builder, beam, embedding));
  } catch (const std::exception& failure) {
    log(Level::warning,
        std::string("the graph over memory is not kept for the next start: ") + failure.what());
  }
}

/// The graph that waits on disk; nothing when there is none that can be believed, and then no file either.
std::optional<memory::IndexGraph> read_graph(const fs::path& file, std::int64_t embedding,
                                             std::shared_ptr<const memory::VectorRows> rows) {
  if (!fs::exists(file)) return std::nullopt;
  try {
    const memory::GraphCheckpoint kept = memory::read_checkpoint(file);
    if (kept.embedding_version != embedding)
      throw Failure(Errc::corrupt, file.string() + ": it is over the latents of another trunk");
    return memory::matched(kept, std::move(rows), file.string());
  } catch (const Failure& failure) {
    log(Level::warning, failure.error().context + "; the graph is built anew");
    remove_quietly(file);
    return std::nullopt;
  }
}

}  // namespace

Indexing::Indexing(Service& service) : service_(service) {
  std::error_code ignored;
  fs::remove_all(unfinished(""), ignored);  // by a process that was killed over them
}

fs::path Indexing::unfinished(const std::string& model) const {
  return service_.options().state / "index" / "unfinished" / model;
}

fs::path Indexing::checkpoint(const std::string& model) const {
  return service_.options().state / "index" / (model + ".hnsw");
}

asio::awaitable<void> Indexing::consider() {
  if (busy_ || stop_.stop_requested()) co_return;
  busy_ = true;
  for (const auto& [name, entry] : service_.models()) {
    if (!entry.parts->learnable) continue;
    auto ask = [this, model = name] { return service_.learner(model).wants_graph(); };
    if (!co_await run_on(service_.storage(), std::move(ask))) continue;
    try {
      co_await see_to(name);
    } catch (const std::exception& failure) {  // no memory for it, most likely: a scan goes on answering
      log(Level::warning, "model " + name + ": no graph over memory: " + failure.what());
    }
  }
  busy_ = false;
}

asio::awaitable<void> Indexing::see_to(std::string model) {
  bool restored = false;
  if (restored_.insert(model).second) restored = co_await restore(model);
  if (!restored && !stop_.stop_requested()) co_await build(model);
}

asio::awaitable<bool> Indexing::publish(std::string model, memory::IndexGraph made) {
  auto take = [this, model, made = std::move(made)]() -> std::optional<Served> {
    Learner& learner = service_.learner(model);
    if (!learner.take_graph(made)) return std::nullopt;
    return learner.served();
  };
  auto served = co_await run_on(service_.storage(), std::move(take));
  if (served) service_.publish(model, std::move(*served));
  co_return served.has_value();
}

asio::awaitable<bool> Indexing::restore(std::string model) {
  auto look = [this, model] {
    const Learner& learner = service_.learner(model);
    return std::pair(learner.index_rows(), learner.served().embedding_version);
  };
  auto [rows, embedding] = co_await run_on(service_.storage(), std::move(look));
  auto read = [file = checkpoint(model), embedding, rows = std::move(rows)] {
    lower_priority();
    return read_graph(file, embedding, rows);
  };
  auto made = co_await run_on(service_.training(), std::move(read));
  if (!made) co_return false;
  const bool taken = co_await publish(model, std::move(*made));
  if (taken) log(Level::info, "model " + model + ": the graph over memory is back");
  co_return taken;
}

asio::awaitable<void> Indexing::build(std::string model) {
  auto begin = [this, model] {
    const Learner& learner = service_.learner(model);
    return std::pair(std::make_shared<memory::GraphBuilder>(learner.begin_graph()),
                     learner.served().embedding_version);
  };
  const auto [builder, embedding] = co_await run_on(service_.storage(), std::move(begin));
  log(Level::info,
      "model " + model + ": building a graph over " + std::to_string(builder->size()) + " episodes");
  const auto replaced = [this, model, rows = builder->rows()] {
    return service_.model(model).served.index->rows() != rows;
  };
  for (bool done = false; !done;) {
    auto piece = [this, builder = builder, stop = stop_.get_token()] {
      lower_priority();
      service_.scheduler().give_way(stop);
      return builder->advance(kPiece);
    };
    done = co_await run_on(service_.training(), std::move(piece));
    if (stop_.stop_requested() || replaced()) co_return;
  }
  auto examine = [builder = builder] { return memory::examined(*builder); };
  memory::IndexGraph made = co_await run_on(service_.training(), std::move(examine));
  const bool worth = made.graph != nullptr;
  const std::size_t beam = made.beam;
  if (!co_await publish(model, std::move(made))) co_return;
  log(Level::info, "model " + model + ": " +
                       (worth ? "the graph over memory is in service, its beam " + std::to_string(beam)
                              : "no graph is worth having over this memory, it is scanned"));
  if (!worth) co_return remove_quietly(checkpoint(model));
  if (!is_recent(checkpoint(model))) co_await keep(std::move(model), builder, beam, embedding);
}

// Forgetting is done on the storage thread, and takes index and checkpoint with it: there, the one whose
// index is still in service has nothing in it that was forgotten.
asio::awaitable<void> Indexing::keep(std::string model, std::shared_ptr<memory::GraphBuilder> builder,
                                     std::size_t beam, std::int64_t embedding) {
  const auto published = service_.model(model).served.index;
  auto write_aside = [builder, beam, embedding, file = unfinished(model)] {
    write(*builder, beam, embedding, file);
  };
  co_await run_on(service_.training(), std::move(write_aside));
  auto move_in = [this, model, published, fresh = unfinished(model), file = checkpoint(model)] {
    std::error_code failed;  // nothing was written
    if (service_.learner(model).served().index == published) fs::rename(fresh, file, failed);
    remove_quietly(fresh);
  };
  co_await run_on(service_.storage(), std::move(move_in));
}

}  // namespace dormouse::daemon
