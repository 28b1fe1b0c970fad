// The router of a load run: all participants are behind it, and it answers the relay's question for its address.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "bench/load/identity.h"
#include "dataplane/packet/arp.h"

namespace penstock::bench {

/// The answer, written to `out`; empty if the frame is anything but a question for the router.
inline std::span<const uint8_t> answerAsRouter(std::span<const uint8_t> frame, std::array<uint8_t, kArpFrameMax>& out) {
  const auto view = parseFrame(frame);
  if (!view || view->kind != FrameKind::kArp) return {};
  const auto message = parseArp(*view);
  if (!message || !message->request || !sameIp(message->target, *parseIp(kRouterAddress))) return {};
  return std::span(out).first(writeArpReply(*message, {message->target, kRouterMacAddress}, kNoVlan, out));
}

/// Where the relay is, if it says so in this frame.
inline std::optional<MacAddress> macOfRelay(std::span<const uint8_t> frame) {
  const auto view = parseFrame(frame);
  if (!view || view->kind != FrameKind::kArp) return std::nullopt;
  const auto message = parseArp(*view);
  if (!message || message->probe || !sameIp(message->sender.ip, *parseEndpoint(kRelayAddress))) return std::nullopt;
  return message->sender.mac;
}

}  // namespace penstock::bench
