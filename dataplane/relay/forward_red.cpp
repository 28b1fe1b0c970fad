// RED (RFC 2198) to each subscriber as it takes it: the whole of it under its own numbers, or the primary frame alone.
#include <algorithm>
#include <array>

#include "dataplane/relay/forward.h"
#include "dataplane/relay/state.h"

namespace penstock {

namespace {

/// Of this track's payload types, each block has one. A payload that is encrypted end to end as a whole, as browsers'
/// encoded transforms leave it, shows itself by having others.
bool isReadable(const TrackState& track, const codec::Red& red) {
  for (size_t block = 0; block < red.block_count; ++block) {
    const uint8_t type = red.payloadType(block);
    if (track.clock_rate_hz[type] == 0 || track.isRtx(type) || track.isRed(type)) return false;
  }
  return true;
}

/// RFC 2198 section 3: the timestamp offset of a redundant block has 14 bits, here of 48,000 a second.
constexpr uint64_t kRedReachNs = (uint64_t{1} << 14) * 1'000'000'000 / 48'000;

/// Whether its redundant frames may be of a time when nobody was to hear the track: it was muted, or not among the
/// loudest.
bool mayTellOfBefore(const TrackState& track, uint64_t now_ns) {
  return track.resumed_ns != 0 && now_ns - track.resumed_ns < kRedReachNs;
}

/// The same without its redundant frames. The byte before the primary one's data becomes its header: all of it is the
/// subscriber's `lead`, see Shared.
void leaveOutRedundant(codec::Red& red, std::span<const uint8_t>& payload) {
  payload = payload.last(red.primary.size() + 1);
  red.header = red.header.last(1);
  red.block_count = 1;
}

enum class Numbers : uint8_t { kSame, kOther, kMissing };

/// What the subscriber calls the blocks' payload types, written into `header`, a copy of red's.
Numbers renumber(const SubscriptionState& subscription, const codec::Red& red, std::span<uint8_t> header) {
  auto numbers = Numbers::kSame;
  for (size_t block = 0; block < red.block_count; ++block) {
    const auto* mapping = subscription.mapping(red.payloadType(block));
    if (mapping == nullptr) return Numbers::kMissing;
    if (mapping->to != mapping->from) numbers = Numbers::kOther;
    codec::setRedPayloadType(header, block, mapping->to);
  }
  return numbers;
}

}  // namespace

size_t Forwarder::forwardRed(RelayState& s, const TrackState& track, const Shared& shared) {
  auto red = codec::parseRed(shared.payload);
  if (red && !isReadable(track, *red)) red.reset();
  Shared sent = shared;
  if (red && red->block_count > 1 && mayTellOfBefore(track, shared.now_ns)) leaveOutRedundant(*red, sent.payload);
  size_t wanted = 0;
  for (const uint32_t index : track.subscriptions) {
    if (!s.subscriptions[index].paused()) wanted += addRed(s, index, sent, red ? &*red : nullptr);
  }
  return wanted;
}

/// `red` null: it cannot be read. Who takes RED gets it as it came: it may be encrypted, and a receiver must check it
/// anyhow.
bool Forwarder::addRed(RelayState& s, uint32_t index, const Shared& shared, const codec::Red* red) {
  const SubscriptionState& subscription = s.subscriptions[index];
  const bool takes_red = subscription.mapping(shared.payload_type) != nullptr;
  if (red == nullptr) {
    return takes_red ? add(s, index, shared) : loseUnmapped(s, index, shared, Counter::send_red_unreadable);
  }
  if (takes_red) {
    std::array<uint8_t, codec::kRedHeaderMax> space;
    const auto header = std::span(space).first(red->header.size());
    std::ranges::copy(red->header, header.begin());
    const Numbers numbers = renumber(subscription, *red, header);
    const bool in_place = red->header.data() == shared.payload.data();
    if (numbers == Numbers::kSame && in_place) return add(s, index, shared);
    if (numbers != Numbers::kMissing) {
      Shared renumbered = shared;
      renumbered.lead = header;
      return add(s, index, renumbered);
    }
  }
  Shared primary = shared;
  primary.payload = red->primary;
  primary.payload_type = red->primaryType();
  return add(s, index, primary);
}

}  // namespace penstock
