#include "control/transport/dtls_session.h"

#include <boost/asio/post.hpp>

namespace penstock {

using State = DtlsAssociation::State;

template <class Step>
void DtlsSession::run(Step step) {
  boost::asio::post(strand_, [self = shared_from_this(), step = std::move(step)] {
    if (self->cancelled_) return;
    if (!self->association_) self->association_.emplace(self->context_, self->role_, self->fingerprint_);
    step(*self);
    self->tell();
    self->setTimer();
  });
}

void DtlsSession::start() {
  run([](DtlsSession& self) { self.association_->start(); });
}

bool DtlsSession::receive(std::span<const uint8_t> datagram) {
  if (queued_.fetch_add(1) >= kQueuedMax) {
    --queued_;
    return false;
  }
  run([bytes = std::vector<uint8_t>(datagram.begin(), datagram.end())](DtlsSession& self) {
    --self.queued_;
    self.association_->receive(bytes);
  });
  return true;
}

void DtlsSession::cancel() {
  cancelled_ = true;
  boost::asio::post(strand_, [self = shared_from_this()] { self->timer_.cancel(); });
}

void DtlsSession::close() {
  boost::asio::post(strand_, [self = shared_from_this()] {
    if (self->cancelled_.exchange(true)) return;
    self->timer_.cancel();
    if (!self->association_) return;
    self->association_->close();
    auto output = self->association_->takeOutput();
    if (!output.empty()) self->report_({.output = std::move(output), .last = true});
  });
}

void DtlsSession::tell() {
  Progress progress{.output = association_->takeOutput(), .ignored = association_->takeIgnored()};
  if (const State state = association_->state(); state != told_) {
    // Both may happen in one datagram; nobody should hear of the end before the beginning.
    if (told_ == State::kHandshaking && state == State::kClosed) {
      report_({.state = State::kSecured, .keys = association_->keys()});
    }
    told_ = state;
    progress.state = state;
    progress.failure = association_->failure();
    if (state == State::kSecured) progress.keys = association_->keys();
  }
  if (progress.state || !progress.output.empty() || progress.ignored != 0) report_(std::move(progress));
}

void DtlsSession::setTimer() {
  const bool handshaking = association_->state() == State::kHandshaking;
  const auto retransmission = association_->timeout();
  if (!handshaking && !retransmission) {
    timer_.cancel();
    return;
  }
  auto at = handshaking ? deadline_ : std::chrono::steady_clock::time_point::max();
  if (retransmission) at = std::min(at, std::chrono::steady_clock::now() + *retransmission);
  timer_.expires_at(at);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->cancelled_) return;
    if (self->association_->state() == State::kHandshaking && std::chrono::steady_clock::now() >= self->deadline_) {
      self->told_ = State::kFailed;
      self->cancelled_ = true;
      self->report_({.state = State::kFailed, .failure = DtlsFailure::kTimeout});
      return;
    }
    self->association_->onTimeout();
    self->tell();
    self->setTimer();
  });
}

}  // namespace penstock
