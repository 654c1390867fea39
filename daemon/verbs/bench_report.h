#pragma once

#include <boost/json/object.hpp>

#include "daemon/verbs/verb.h"

namespace dormouse::daemon {

/// What the owner of a board can send to us: the board (see board_facts.h), how fast a model of each family
/// and the models that `arguments` name run on it, by each driver, on one thread and on all cores, and how
/// warm it was before and after. Throws Failure for a model that cannot be read.
boost::json::object bench_report(const Arguments& arguments);

}  // namespace dormouse::daemon
