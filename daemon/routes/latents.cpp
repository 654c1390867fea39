#include "daemon/routes/latents.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "daemon/routes/json_fields.h"
#include "daemon/run_on.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

std::vector<float> vector_field(const json::value& value, std::size_t width) {
  const json::array* array = value.if_array();
  if (!array || array->size() != width)
    throw Failure(Errc::invalid,
                  "vector: expected " + std::to_string(width) + " numbers, the size of the latent");
  std::vector<float> vector;
  for (const json::value& element : *array) {
    if (!element.is_number()) throw Failure(Errc::invalid, "vector: expected numbers");
    vector.push_back(element.to_number<float>());
  }
  return vector;
}

/// The clock's own ticks end before seconds do.
Clock::Wall time_field(const json::object& object, std::string_view name) {
  constexpr auto latest = std::chrono::floor<std::chrono::seconds>(Clock::Wall::duration::max()).count();
  const std::uint64_t seconds = std::min<std::uint64_t>(id_field(object, name), latest);
  return Clock::Wall(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

}  // namespace

asio::awaitable<memory::Episode> episode_of(Service& service, memory::EpisodeId id) {
  auto read = [&service, id] {
    const auto found = service.store().find(id);
    return std::pair(found, found ? Error() : service.store().why_missing(id));
  };
  const auto [stored, missing] = co_await run_on(service.storage(), std::move(read));
  if (stored) co_return *stored;
  if (const memory::Inference* recent = service.recent(id)) co_return memory::to_episode(*recent);
  throw Failure(missing);
}

bool names_latent(const TensorBody& body) {
  return body.json.contains("vector") || body.json.contains("episode") || !body.inputs.empty();
}

asio::awaitable<std::vector<float>> latent_of(Service& service, const Entry& entry, TensorBody& body) {
  const std::string name = entry.parts->options.name;
  if (const json::value* vector = body.json.if_contains("vector"))
    co_return vector_field(*vector, entry.parts->learnable->latent_size);
  if (body.json.contains("episode")) {
    const memory::Episode episode = co_await episode_of(service, id_field(body.json, "episode"));
    if (episode.model != name)
      throw Failure(Errc::invalid, "episode: it belongs to model '" + episode.model + "'");
    if (episode.embedding_version != entry.served.embedding_version)
      throw Failure(Errc::conflict, "episode " + std::to_string(episode.id) +
                                        ": it was seen by a trunk that is gone, so nothing compares with it");
    co_return memory::dequantise(episode.latent);
  }
  if (body.inputs.empty())
    throw Failure(Errc::invalid, "say what it resembles: 'inputs', 'vector' or 'episode'");
  InferRequest inference;
  inference.inputs = std::move(body.inputs);
  auto inputs = inputs_of(*entry.parts, inference, clip_flag(body.json));
  const Answered answered = co_await service.infer(name, std::move(inputs), false);
  if (answered.result.rows.empty()) throw Failure(Errc::invalid, "inputs: the batch is empty");
  co_return answered.result.rows[0].latent;
}

asio::awaitable<std::vector<float>> latent_of(Service& service, const AnomalyStream& stream,
                                              const TensorBody& body) {
  if (const json::value* vector = body.json.if_contains("vector"))
    co_return vector_field(*vector, stream.width());
  if (!body.json.contains("episode"))
    throw Failure(Errc::invalid,
                  "stream '" + stream.name() + "': say what it resembles by 'episode' or 'vector'");
  const memory::Episode episode = co_await episode_of(service, id_field(body.json, "episode"));
  if (episode.model != stream.name() || episode.latent.codes.size() != stream.width())
    throw Failure(Errc::invalid, "episode: it is no anomaly of stream '" + stream.name() + "' as it is now");
  co_return memory::dequantise(episode.latent);
}

namespace {

memory::Selection selection_in(const json::object& object, const std::string& model) {
  memory::Selection selection{.model = model};
  if (object.contains("label")) selection.label = text_field(object, "label");
  if (object.contains("after")) selection.after = time_field(object, "after");
  if (object.contains("before")) selection.before = time_field(object, "before");
  if (object.contains("stream")) selection.stream = text_field(object, "stream");
  if (object.contains("version")) selection.version = static_cast<std::int64_t>(id_field(object, "version"));
  return selection;
}

}  // namespace

memory::Selection selection_of(const json::object& object, const Entry& entry) {
  memory::Selection selection = selection_in(object, entry.parts->options.name);
  const auto& labels = entry.served.model->labels;
  if (selection.label && std::ranges::find(labels, *selection.label) == labels.end())
    throw Failure(Errc::not_found, "label: no class is called '" + *selection.label + "'");
  return selection;
}

memory::Selection selection_of(const json::object& object, const AnomalyStream& stream) {
  return selection_in(object, stream.name());
}

}  // namespace dormouse::daemon
