#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>

#include "daemon/http/event_stream.h"
#include "daemon/service/anomaly_stream.h"
#include "daemon/service/pushed.h"
#include "daemon/service/service.h"
#include "daemon/service/stream_watch.h"

namespace dormouse::daemon {

/// Pushed samples become windows, windows become answers. One stream a model that has a `stream` section; it
/// bears the model's name. Where it is watched for novelty, a window's answer says what is most unusual among
/// the rows that no window before it had; an alarm is also published as an event of type "novelty", and makes
/// the window worth remembering. Streams of the configuration's own `streams` find their anomalies themselves
/// (AnomalyStream). Lives on the io thread.
class Streams {
 public:
  explicit Streams(Service& service);
  ~Streams();

  /// Appends `rows` f32 [time, channels]. Windows are answered in order and published; rows that find the
  /// ring full are dropped and counted, unless `wait`: then the push goes on as windows are answered, and its
  /// own answers come back. `end`: the clip is over, a last partial window is padded with the mean, and the
  /// next push starts afresh. Throws Failure(not_found / invalid).
  boost::asio::awaitable<Pushed> push(std::string name, engine::Tensor rows, bool wait, bool end);
  std::shared_ptr<Subscriber> subscribe(const std::string& name);
  /// Rows come as f32 [time, channels]; this is how many channels.
  std::int64_t channels(const std::string& name) const;
  /// A value that is not finite is one that is missing, and no mistake.
  bool takes_missing(const std::string& name) const { return anomalies_.contains(name); }
  boost::json::object status() const;
  /// Saves what streams have learnt, where it is due: call about once a second.
  boost::asio::awaitable<void> save_when_due();
  /// Ends every subscription.
  void close();

 private:
  struct Stream;
  Stream& find(const std::string& name) const;
  boost::asio::awaitable<std::optional<StreamNews>> watch(Stream& stream, engine::Tensor clip,
                                                          std::size_t seen);
  boost::asio::awaitable<void> answer_windows(Stream& stream, bool end,
                                              std::vector<boost::json::object>* answers);

  Service& service_;
  std::map<std::string, std::unique_ptr<Stream>> streams_;
  std::map<std::string, std::unique_ptr<AnomalyStream>> anomalies_;
};

}  // namespace dormouse::daemon
