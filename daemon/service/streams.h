#pragma once

#include <map>
#include <memory>

#include "daemon/service/anomaly_stream.h"
#include "daemon/service/service.h"
#include "daemon/service/stream.h"

namespace dormouse::daemon {

/// Every stream by its name: a model with a `stream` section is one (WindowStream), and so is each entry of
/// the configuration's own `streams` (AnomalyStream, ModelStream). Lives on the io thread.
class Streams {
 public:
  explicit Streams(Service& service);

  /// Appends `rows` f32 [time, channels]. What comes of them is published in order; rows for which there is
  /// no room are dropped and counted, unless `wait`: then the push waits, and its own answers come back.
  /// `end`: the clip is over; where rows become windows, a last partial one is padded with the mean, and the
  /// next push starts afresh. Throws Failure(not_found / invalid).
  boost::asio::awaitable<Pushed> push(std::string name, engine::Tensor rows, bool wait, bool end);
  /// Throws Failure(not_found).
  Stream& find(const std::string& name) const;
  /// The stream of this name if it finds anomalies, which memory holds under its name; else nullptr.
  AnomalyStream* anomalies(const std::string& name) const;
  boost::json::object status() const;
  /// Saves what streams have learnt, where it is due: call about once a second.
  boost::asio::awaitable<void> save_when_due();
  /// Ends every subscription.
  void close();

 private:
  std::map<std::string, std::unique_ptr<Stream>> streams_;
};

}  // namespace dormouse::daemon
