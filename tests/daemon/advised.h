#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "daemon/service/describe.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {

/// A model "colours" with the planner "sage", and a gate that every request teaches.
struct Advised {
  Advised() {
    model.write(folder.file(""), "colours");
    model.write(folder.file(""), "sage", 24);
    options = small_options(folder);
    ModelOptions sage = options.models[0];
    sage.name = "sage";
    sage.path = folder.file("sage.onnx");
    sage.seed = folder.file("sage.seed.safetensors");
    options.models.push_back(sage);
    options.models[0].planner = "sage";
    options.hrm.router.accept = 0.01f;
    options.hrm.target_error = 0.2;
    options.hrm.delta = 0.1;
    options.hrm.audit = 1;
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  /// `rows` examples of what the model knows; never the same twice.
  engine::Tensor crowd(std::size_t rows) {
    std::vector<float> values;
    for (std::size_t i = 0; i < rows; ++i) {
      const engine::Tensor one = model.example(SmallModel::known()[i % 3], ++shown);
      values.insert(values.end(), one.values<float>().begin(), one.values<float>().end());
    }
    return engine::Tensor::from<float>({static_cast<std::int64_t>(rows), SmallModel::kWidth}, values);
  }
  /// Asks in batches and audits behind each.
  void live(std::size_t rows) {
    for (std::size_t done = 0; done < rows; done += 50) {
      running->ask(crowd(std::min<std::size_t>(50, rows - done)));
      audit();
    }
  }
  void audit() { running->wait(running->service().routing().audit()); }
  /// Lets nobody else compute with this model, which one request at a time may, until let_go().
  void hold(const std::string& name) {
    const auto take = [&]() -> boost::asio::awaitable<void> {
      auto mine = running->service().turn(name, Urgency());
      turn.emplace(co_await std::move(mine));
    };
    running->wait(take());
  }
  void let_go() {
    running->on_io([this] { turn.reset(); });
  }
  boost::json::object router() {
    return running->on_io([this] {
      const Service& service = running->service();
      return *service.routing().status(service.models().at("colours"));
    });
  }
  std::string rule() { return std::string(router().at("rule").as_string()); }
  std::string state() const { return folder.file("state/router/colours.gate"); }

  TemporaryFolder folder;
  SmallModel model{41};
  Options options;
  std::uint64_t shown = 0;
  std::optional<RunningService> running;
  std::optional<InferenceQueue::Turn> turn;
};

inline std::uint64_t number(const boost::json::value& value) { return value.to_number<std::uint64_t>(); }

}  // namespace dormouse::daemon
