#include "bench/load/sink.h"

#include <algorithm>
#include <bit>

#include "bench/load/identity.h"
#include "bench/load/payload.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rtp.h"

namespace penstock::bench {

namespace {

constexpr size_t kRtpOffset = kEthernetSize + kIpv4Size + kUdpSize;
// What can be under way at once, in all rings and queues together, with room to spare.
constexpr size_t kUnderWayMax = 1 << 18;

bool isRtp(std::span<const uint8_t> frame) {
  return frame.size() >= kRtpOffset + kRtpHeaderSize && load16(frame.data() + 12) == kEtherTypeIpv4 &&
         (frame[kRtpOffset] & 0xc0) == 0x80 && (frame[kRtpOffset + 1] < 192 || frame[kRtpOffset + 1] > 223);
}

}  // namespace

SentTimes::SentTimes(size_t tracks)
    : per_track_(std::max<size_t>(std::bit_floor(kUnderWayMax / std::max<size_t>(tracks, 1)), 64)),
      entries_(per_track_ * tracks, Entry{0xffff'ffff, 0}) {}

Sink::Sink(const Scenario& scenario, contract::SrtpProfile profile, srtp::Backend& oracle)
    : scenario_(scenario),
      profile_(profile),
      oracle_(oracle),
      streams_(scenario.subscriptions.size()),
      offsets_(scenario.subscriptions.size()),
      keys_(scenario.participants) {
  for (const TrackPlan& track : scenario.tracks) class_of_track_.push_back(static_cast<uint8_t>(classOf(track.kind)));
  samples_.reserve(kSamplesMax);
}

void Sink::beginTrial() {
  for (Stream& stream : streams_) stream.received = 0;
  counts_ = {};
  samples_.clear();
  timing_ = {};
}

bool Sink::look(std::span<const uint8_t> frame, uint64_t now_ns) {
  if (!isRtp(frame)) return false;
  const uint8_t* rtp = frame.data() + kRtpOffset;
  const uint32_t number = load32(rtp + 8) - kSubscriptionSsrc;
  if (number / 2 >= streams_.size() || number % 2 != 0) {
    ++counts_.foreign;
    return false;
  }
  Stream& stream = streams_[number / 2];
  const uint32_t index = load32(rtp + 4) - offsets_[number / 2];
  const uint16_t sequence = load16(rtp + 2);
  if (!stream.started) stream = {.next = index, .first_index = index, .first_sequence = sequence, .started = true};
  const auto ahead = static_cast<int32_t>(index - stream.next);
  if (ahead >= 0) {
    counts_.gaps += static_cast<uint32_t>(ahead);
    stream.next = index + 1;
  } else {
    ++counts_.behind;
  }
  if (sequence != static_cast<uint16_t>(stream.first_sequence + (index - stream.first_index))) ++counts_.renumbered;
  ++stream.received;
  ++counts_.received;
  const uint32_t track = scenario_.subscriptions[number / 2].track;
  ++counts_.received_of[class_of_track_[track]];
  if (timing_.sent != nullptr) recordDelay(track, index, now_ns);
  if (++looked_at_ % kSampleEvery == 0 && samples_.size() < kSamplesMax) {
    samples_.push_back({number / 2, index, {rtp, frame.data() + frame.size()}});
  }
  return true;
}

void Sink::recordDelay(uint32_t track, uint32_t index, uint64_t now_ns) {
  const uint64_t sent_ns = timing_.sent->of(track, index);
  if (sent_ns == 0 || sent_ns > now_ns) return;
  if (timing_.delays != nullptr) timing_.delays->record(now_ns - sent_ns);
  if (timing_.slices == nullptr) return;
  const size_t at = (sent_ns - timing_.begin_ns) / timing_.slice_ns;
  if (at >= timing_.slices->size()) return;
  Slice& slice = (*timing_.slices)[at];
  ++slice.received[class_of_track_[track]];
  slice.delay_max_ns = std::max(slice.delay_max_ns, now_ns - sent_ns);
}

std::array<uint64_t, kClasses> Sink::missing(std::span<const uint64_t> sent) const {
  std::array<uint64_t, kClasses> missing{};
  for (size_t i = 0; i < streams_.size(); ++i) {
    const uint32_t track = scenario_.subscriptions[i].track;
    if (streams_[i].received < sent[track]) missing[class_of_track_[track]] += sent[track] - streams_[i].received;
  }
  return missing;
}

bool Sink::decrypts(Sample& sample) {
  const SubscriptionPlan& subscription = scenario_.subscriptions[sample.subscription];
  const Stream& stream = streams_[sample.subscription];
  auto& keys = keys_[subscription.participant];
  if (!keys) keys = oracle_.expand(profile_, keyOf(subscription.participant, false));
  // The 48-bit index: this stream's numbers began below 2^16 and keep their distance from the track's.
  const uint64_t index = uint64_t{stream.first_sequence} + (sample.index - stream.first_index);
  const auto receiver = oracle_.openReceive(keys, ssrcOfSubscription(sample.subscription), index > 0 ? index - 1 : 0,
                                            srtp::kReplayWindowVideo);
  if (!receiver) return false;
  srtp::UnprotectJob job{.stream = receiver.get(), .packet = sample.packet};
  oracle_.unprotect(std::span(&job, 1));
  if (job.status != srtp::CryptoStatus::kOk) return false;
  const auto view = parseRtp(std::span<const uint8_t>(sample.packet).first(job.length));
  const TrackPlan& track = scenario_.tracks[subscription.track];
  return view && isPayloadOf(view->payload(), track.payload_bytes, subscription.track, sample.index);
}

Sink::Checked Sink::checkSamples() {
  Checked checked;
  for (Sample& sample : samples_) ++(decrypts(sample) ? checked.good : checked.bad);
  samples_.clear();
  return checked;
}

}  // namespace penstock::bench
