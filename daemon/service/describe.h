#pragma once

#include <boost/json/object.hpp>

#include "daemon/oip/codec.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {

/// The labels of an answer's set, with | between them; empty for one that does not abstain.
std::string set_text(const RowAnswer& answer);
/// Why a plan ended as it did: hrm's word for it, or "load" where the planner was put off for that.
std::string_view halt_word(const Plan& plan);
/// One answer as JSON: label, confidence, route, complexity, novelty, episode, version; set where it
/// abstains.
boost::json::object describe(const Answered& answered, std::size_t row);

/// The same as flat OIP parameters with the prefix "dormouse_". For a batch, the values of all rows joined by
/// commas.
Parameters describe_flat(const Answered& answered);

/// An episode as /v1 shows it.
boost::json::object describe(const memory::Episode& episode);
/// A raw input: shape and data.
boost::json::object describe(const memory::Clip& clip);

/// How things stood, and why the planner was put off.
boost::json::object describe(const Pressure& pressure);
/// Those that were put off, by why.
boost::json::object describe(const PutOffs& put_off);

/// What a person reads of a probability, a score or a distance: four places.
double rounded(double value);

/// ISO 8601 in UTC, to the millisecond.
std::string iso_time(Clock::Wall time);

}  // namespace dormouse::daemon
