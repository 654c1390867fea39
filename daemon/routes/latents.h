#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "daemon/oip/codec.h"
#include "daemon/service/anomaly_stream.h"
#include "daemon/service/service.h"
#include "memory/selection.h"

/// What routes about memory ask for in the same words.
namespace dormouse::daemon {

/// An episode, stored or still in working memory. Throws Failure(gone / not_found).
boost::asio::awaitable<memory::Episode> episode_of(Service& service, memory::EpisodeId id);

/// Whether a body says which latent it means: by "inputs", "vector" or "episode".
bool names_latent(const TensorBody& body);
/// That latent. Throws Failure(invalid), also when the body says nothing. `body` loses its inputs.
boost::asio::awaitable<std::vector<float>> latent_of(Service& service, const Entry& entry, TensorBody& body);

/// The same for an anomaly's signature, by "vector" or "episode".
boost::asio::awaitable<std::vector<float>> latent_of(Service& service, const AnomalyStream& stream,
                                                     const TensorBody& body);

/// The conditions in an object: label, stream, version, after and before (seconds since 1970). A label that
/// no class has is Failure(not_found).
memory::Selection selection_of(const boost::json::object& object, const Entry& entry);
/// The same for the anomalies of a stream, whose labels are their names and, for those without, their
/// aspects.
memory::Selection selection_of(const boost::json::object& object, const AnomalyStream& stream);

}  // namespace dormouse::daemon
