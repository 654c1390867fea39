#include "daemon/service/streams.h"

#include "daemon/service/model_stream.h"
#include "daemon/service/window_stream.h"

namespace dormouse::daemon {

namespace asio = boost::asio;
namespace json = boost::json;

Streams::Streams(Service& service) {
  for (const auto& [name, entry] : service.models())
    if (const auto& options = entry.parts->options.stream)
      streams_.emplace(name, std::make_unique<WindowStream>(service, name, *options, *entry.parts->window));
  std::map<std::filesystem::path, std::shared_ptr<const StreamModel>> models;
  for (const KeptStreamOptions& options : service.options().streams) {
    if (options.detects()) {
      streams_.emplace(options.name, std::make_unique<AnomalyStream>(service, options));
      continue;
    }
    auto& model = models[std::filesystem::canonical(options.model)];
    if (!model) model = load_stream_model(options, service.drivers());
    streams_.emplace(options.name, std::make_unique<ModelStream>(service, options, model));
  }
}

Stream& Streams::find(const std::string& name) const {
  const auto found = streams_.find(name);
  if (found != streams_.end()) return *found->second;
  throw Failure(
      Errc::not_found,
      "no stream is called '" + name +
          "'; a model becomes one by a 'stream' section in the "
          "configuration, a detector of anomalies or a model with a state by an entry in 'streams'");
}

AnomalyStream* Streams::anomalies(const std::string& name) const {
  const auto found = streams_.find(name);
  return found == streams_.end() ? nullptr : dynamic_cast<AnomalyStream*>(found->second.get());
}

asio::awaitable<Pushed> Streams::push(std::string name, engine::Tensor rows, bool wait, bool end) {
  Stream& stream = find(name);
  if (rows.shape().rank() != 2 || rows.shape()[1] != stream.channels())
    throw Failure(Errc::invalid, "stream '" + name + "': expected rows of " +
                                     std::to_string(stream.channels()) + " channels, given " +
                                     to_string(rows.shape()));
  auto pushed = stream.push(std::move(rows), wait, end);
  co_return co_await std::move(pushed);
}

json::object Streams::status() const {
  json::object all;
  for (const auto& [name, stream] : streams_) all[name] = stream->status();
  return all;
}

asio::awaitable<void> Streams::save_when_due() {
  for (const auto& [name, stream] : streams_) co_await stream->save_when_due();
}

void Streams::close() {
  for (const auto& [name, stream] : streams_) stream->close();
}

}  // namespace dormouse::daemon
