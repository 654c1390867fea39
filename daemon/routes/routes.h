#pragma once

#include "daemon/http/event_stream.h"
#include "daemon/http/router.h"
#include "daemon/metrics.h"
#include "daemon/service/nights.h"
#include "daemon/service/service.h"
#include "daemon/service/streams.h"

/// What the daemon answers, one function a family of routes. Everything passed is borrowed for the router's
/// life. Where feedback, recall and forgetting name a model, a stream that finds anomalies may be named, too:
/// its anomalies are the episodes.
namespace dormouse::daemon {

/// How long an inference takes inside the daemon, by whether a night is running.
struct LatencyByState {
  Histogram& awake;
  Histogram& asleep;
};

/// /v2: the Open Inference Protocol.
void add_inference_routes(Router& router, Service& service, const Nights& nights, LatencyByState latency);
/// /v1: feedback, versions, rollback, and the router's reset.
void add_learning_routes(Router& router, Service& service, Streams& streams);
/// /v1: sleep, sleeps.
void add_sleep_routes(Router& router, Service& service, Nights& nights);
/// /v1: episodes, why.
void add_memory_routes(Router& router, Service& service);
/// /v1/recall: by likeness, label, time, and what came next.
void add_recall_routes(Router& router, Service& service, Streams& streams);
/// /v1/review: what is most worth a label.
void add_review_routes(Router& router, Service& service);
/// /v1/forget, and DELETE of an episode: for the admin, and not while a night learns from them.
void add_forget_routes(Router& router, Service& service, Streams& streams, const Nights& nights);
/// /v1/streams.
void add_stream_routes(Router& router, Streams& streams);
/// /v1/status, /v1/events, /metrics.
void add_status_routes(Router& router, Service& service, Streams& streams, Nights& nights, Metrics& metrics,
                       LatencyByState latency);

}  // namespace dormouse::daemon
