#include "daemon/http/event_stream.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/http/message.h"

namespace dormouse::daemon {

namespace asio = boost::asio;

asio::awaitable<std::optional<std::string>> Subscriber::next(std::chrono::milliseconds heartbeat) {
  const auto ready = [this] { return !queue_.empty() || closed_; };
  if (!ready()) {
    wake_.expires_after(heartbeat);
    boost::system::error_code woken;
    auto token = asio::redirect_error(asio::use_awaitable, woken);
    co_await wake_.async_wait(token);
  }
  if (queue_.empty()) co_return closed_ ? std::nullopt : std::optional<std::string>(":\n\n");
  std::string text;
  for (const auto& event : queue_) text += *event;
  queue_.clear();
  co_return text;
}

void Subscriber::close() {
  closed_ = true;
  wake_.cancel();
}

bool Subscriber::offer(std::shared_ptr<const std::string> event) {
  if (queue_.size() >= capacity_) return false;
  queue_.push_back(std::move(event));
  wake_.cancel();
  return true;
}

std::shared_ptr<Subscriber> EventStream::subscribe() {
  if (subscribers() >= options_.subscribers) {
    throw Failure(Errc::unavailable, "as many listeners as this stream takes are connected already");
  }
  auto subscriber = std::make_shared<Subscriber>(executor_, options_.queue);
  subscribers_.push_back(subscriber);
  return subscriber;
}

void EventStream::publish(std::string_view data, std::string_view type) {
  if (subscribers_.empty()) return;
  const auto event = std::make_shared<const std::string>(encode_event(data, type));
  for (const auto& weak : subscribers_) {
    const auto subscriber = weak.lock();
    if (subscriber && !subscriber->closed() && !subscriber->offer(event)) subscriber->close();
  }
}

void EventStream::close() {
  for (const auto& weak : subscribers_) {
    if (const auto subscriber = weak.lock()) subscriber->close();
  }
}

std::size_t EventStream::subscribers() {
  std::erase_if(subscribers_, [](const auto& weak) {
    const auto subscriber = weak.lock();
    return !subscriber || subscriber->closed();
  });
  return subscribers_.size();
}

std::string encode_event(std::string_view data, std::string_view type) {
  std::string text;
  text.reserve(data.size() + type.size() + 16);
  if (!type.empty()) text.append("event: ").append(type).append("\n");
  for (;;) {
    const auto end = data.find('\n');
    text.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == data.npos) break;
    data.remove_prefix(end + 1);
  }
  return text.append("\n");
}

Response event_response(std::shared_ptr<Subscriber> subscriber) {
  Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.events = std::move(subscriber);
  return response;
}

}  // namespace dormouse::daemon
