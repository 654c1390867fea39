#pragma once

#include "config/error.h"

namespace dormouse::engine {

/// A driver that wants to know when sessions give it up. Thread-safe.
class FailureListener {
 public:
  virtual ~FailureListener() = default;
  /// A session computes without it from now on, since `error` happened.
  virtual void given_up(const Error& error) const = 0;
};

}  // namespace dormouse::engine
