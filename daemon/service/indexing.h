#pragma once

#include <set>
#include <stop_token>
#include <string>

#include "daemon/service/service.h"

namespace dormouse::daemon {

/// Gives large memories their graph: from its checkpoint after a start, built anew when it is stale.
///
/// Requests are served by a scan meanwhile. The work is done on the training thread in pieces of a few
/// hundred nodes, each behind every request, so a night can begin between two of them and SIGTERM waits for
/// one. Lives on the io thread.
class Indexing {
 public:
  explicit Indexing(Service& service);

  /// Looks whether a memory wants a graph and sees to it; back when that is done. Call it every second or so.
  boost::asio::awaitable<void> consider();
  /// Ends what is under way; lets nothing begin any more.
  void stop() { stop_.request_stop(); }

 private:
  boost::asio::awaitable<void> see_to(std::string model);
  /// Whether a checkpoint was there and is in service now.
  boost::asio::awaitable<bool> restore(std::string model);
  boost::asio::awaitable<void> build(std::string model);
  boost::asio::awaitable<bool> publish(std::string model, memory::IndexGraph made);
  /// Writes the checkpoint of the graph in service, unless something was forgotten meanwhile.
  boost::asio::awaitable<void> keep(std::string model, std::shared_ptr<memory::GraphBuilder> builder,
                                    std::size_t beam, std::int64_t embedding);
  std::filesystem::path checkpoint(const std::string& model) const;
  /// Where a checkpoint is written; for no model, the folder of them all.
  std::filesystem::path unfinished(const std::string& model) const;

  Service& service_;
  std::stop_source stop_;
  bool busy_ = false;
  std::set<std::string> restored_;  ///< models whose checkpoint was looked at
};

}  // namespace dormouse::daemon
