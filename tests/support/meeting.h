// A room of people with microphones and cameras over one or several workers, in virtual time. What goes out is checked
// as it comes: continuous, whatever changes.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/codec/vp8.h"
#include "dataplane/packet/rtcp.h"
#include "dataplane/worker/speakers.h"
#include "tests/support/crew.h"

namespace penstock::test {

inline constexpr uint32_t kPeople = 5;
inline constexpr uint8_t kOpus = 111, kVp8 = 96;
inline constexpr uint32_t kTickMs = 20;
inline constexpr uint64_t kTickNs = kTickMs * 1'000'000ull;
inline constexpr uint8_t kNoLevel = 0xff;

/// What came out of one subscription, checked as it comes.
struct Received {
  std::optional<uint16_t> sequence, source;  // of the last packet: as sent, and as published
  uint32_t timestamp = 0;
  std::optional<uint16_t> picture_id;
  size_t packets = 0;
  size_t resumed = 0;
};

class Meeting {
 public:
  explicit Meeting(uint32_t workers) : crew(workers) {
    for (uint32_t i = 0; i < kPeople; ++i) people_.push_back(std::make_unique<Person>());
    for (uint32_t i = 0; i < kPeople; ++i) enter(i);
    for (uint32_t i = 0; i < kPeople; ++i) {
      for (uint32_t of = 0; of < kPeople; ++of) {
        if (of != i) subscribe(i, of, kAudio), subscribe(i, of, kVideo);
      }
    }
    poll();
    crew.io.sent.clear();
  }

  enum Media : uint32_t { kAudio = 0, kVideo = 1 };
  struct Person {
    Client *sends = nullptr, *receives = nullptr;
    uint16_t sequence[2] = {0xfff0, 0xff00};
    uint32_t roc[2] = {};
    uint32_t timestamp[2] = {0xffff'0000, 0xfffe'0000};
    uint16_t picture_id = 0x7ff0;
    bool key_wanted = true;
    bool speaks = false;
    bool mute = false;                                        // sends no audio
    uint8_t level = 75;                                       // where it does not speak; kNoLevel: says none
    std::map<std::pair<uint32_t, Media>, Received> received;  // by whom
  };
  Person& operator[](uint32_t i) { return *people_[i]; }

  /// Changes a transport's row.
  void change(Client& client, auto&& how) {
    how(client.row);
    apply(TransportCommand{.index = client.index, .row = client.row});
  }
  void lastN(uint32_t i, std::optional<uint16_t> n) {
    change(*people_[i]->receives, [&](contract::TransportRow& row) {
      row.last_n = n.value_or(0);
      row.flags = n ? contract::kTransportLastN : 0;
    });
  }
  void forAllPublishers(auto&& how) {
    for (const auto& person : people_) change(*person->sends, how);
  }
  void wish(uint32_t i, uint32_t of, uint8_t flags) {
    SubscriptionCommand command = subscriptionCommand(i, of, kVideo);
    command.media.reset();
    command.row.flags = flags;
    apply(std::move(command));
  }
  void mute(uint32_t i, Media media, bool muted) {
    TrackCommand command = trackCommand(i, media);
    command.encoding = {};
    command.row.flags = muted ? contract::kTrackMuted : 0;
    apply(std::move(command));
  }

  void pass(uint32_t ms) {
    for (uint32_t passed = 0; passed < ms; passed += kTickMs) tick();
  }
  /// Whose media came to this one in so much time from now on.
  std::set<uint32_t> heard(uint32_t i, uint32_t ms = 400) { return came(i, kAudio, ms); }
  std::set<uint32_t> seen(uint32_t i, uint32_t ms = 400) { return came(i, kVideo, ms); }

  static uint32_t subscription(uint32_t i, uint32_t of, Media media) { return (i * kPeople + of) * 2 + media; }
  bool held(uint32_t i, uint32_t of) const { return crew.reports->subscription[subscription(i, of, kVideo)].held; }
  const contract::SpeakerStats& speaker(uint32_t i) const { return crew.reports->speaker[2 * i]; }

  Crew crew;

 private:
  void apply(Command command) {
    speakers_.note(command);
    crew.apply(std::move(command));
  }
  void poll() { speakers_.poll(crew.now_ns); }

  static uint32_t ssrcOf(uint32_t i, Media media) { return 0x1000'0000 * (media + 1) + i; }
  TrackCommand trackCommand(uint32_t i, Media media) {
    return test::trackCommand(*crew.backend, *crew.flows, *people_[i]->sends,
                              {.index = 2 * i + media,
                               .ssrc = ssrcOf(i, media),
                               .rtx_ssrc = 0,
                               .kind = media == kAudio ? contract::MediaKind::kAudio : contract::MediaKind::kVideo,
                               .payload_type = media == kAudio ? kOpus : kVp8,
                               .clock_rate_hz = media == kAudio ? 48'000u : 90'000u,
                               .mid = media == kAudio ? "0" : "1",
                               .codec = media == kAudio ? contract::Codec::kOther : contract::Codec::kVp8});
  }
  SubscriptionCommand subscriptionCommand(uint32_t i, uint32_t of, Media media) {
    const uint8_t type = media == kAudio ? kOpus : kVp8;
    return test::subscriptionCommand(*crew.backend, *people_[i]->receives,
                                     {.index = subscription(i, of, media),
                                      .track = 2 * of + media,
                                      .ssrc = 0x7000'0000 + subscription(i, of, media),
                                      .rtx_ssrc = 0,
                                      .from = type,
                                      .to = type});
  }

  void enter(uint32_t i) {
    Person& person = *people_[i];
    const auto addressOf = [](uint32_t n) {
      return "198.18.0." + std::to_string(10 + n) + ":" + std::to_string(4000 + n);
    };
    person.sends = &crew.connect(2 * i, addressOf(2 * i));
    person.receives = &crew.connect(2 * i + 1, addressOf(2 * i + 1));
    for (Client* client : {person.sends, person.receives}) {
      change(*client, [&](contract::TransportRow& row) {
        row.room = 1;
        row.partner = {2 * i, 1};
      });
    }
    apply(trackCommand(i, kAudio));
    apply(trackCommand(i, kVideo));
  }
  void subscribe(uint32_t i, uint32_t of, Media media) { apply(subscriptionCommand(i, of, media)); }

  void tick() {
    ++ticks_;
    if (ticks_ % 250 == 0) consent();  // and neighbours last 30 s
    for (uint32_t i = 0; i < kPeople; ++i) {
      if (!people_[i]->mute) sound(i);
      if (ticks_ % 2 == 0) frame(i);
      takeRequests(i);
    }
    for (uint32_t i = 0; i < kPeople; ++i) take(i);
    crew.io.sent.clear();
    crew.advance(kTickNs);
    poll();
    for (uint32_t i = 0; i < kPeople; ++i) takeRequests(i);
  }

  void sound(uint32_t i) {
    Person& person = *people_[i];
    const bool syllable = ticks_ % 12 < 10;
    const auto drawn = static_cast<uint8_t>(random_() % 8);
    const uint8_t level = !person.speaks ? person.level
                          : syllable     ? static_cast<uint8_t>(12 + drawn)
                                         : static_cast<uint8_t>(28 + drawn);
    std::vector<std::pair<uint8_t, Bytes>> extensions;
    if (person.level != kNoLevel) extensions.push_back({kAudioLevelId, {level}});
    send(i, kAudio, false, extensions, {});
    person.timestamp[kAudio] += 960;
  }
  void frame(uint32_t i) {
    Person& person = *people_[i];
    const bool key = std::exchange(person.key_wanted, false);
    person.picture_id = (person.picture_id + 1) & 0x7fff;
    const uint32_t packets = 1 + static_cast<uint32_t>(random_() % 2);
    for (uint32_t n = 0; n < packets; ++n) {
      Bytes payload = {static_cast<uint8_t>(0x80 | (n == 0 ? 0x10 : 0)), 0x80,
                       static_cast<uint8_t>(0x80 | person.picture_id >> 8), static_cast<uint8_t>(person.picture_id)};
      const uint8_t tag = key && n == 0 ? 0x00 : 0x01;
      for (const int byte : {int{tag}, 0, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0})
        payload.push_back(static_cast<uint8_t>(byte));
      payload.push_back(key);
      send(i, kVideo, n + 1 == packets, {}, payload);
    }
    person.timestamp[kVideo] += 3600;
  }
  void send(uint32_t i, Media media, bool marker, std::vector<std::pair<uint8_t, Bytes>> extensions, Bytes payload) {
    Person& person = *people_[i];
    const uint16_t sequence = person.sequence[media]++;
    payload.push_back(static_cast<uint8_t>(sequence >> 8));
    payload.push_back(static_cast<uint8_t>(sequence));
    crew.sendRtp(*person.sends,
                 {.payload_type = media == kAudio ? kOpus : kVp8,
                  .marker = marker,
                  .sequence = sequence,
                  .timestamp = person.timestamp[media],
                  .ssrc = ssrcOf(i, media),
                  .extensions = std::move(extensions),
                  .payload = std::move(payload)},
                 person.roc[media]);
    if (person.sequence[media] == 0) ++person.roc[media];
  }
  void takeRequests(uint32_t i) {
    for (const Bytes& compound : crew.takeRtcp(*people_[i]->sends)) {
      RtcpReader reader(compound);
      while (const auto member = reader.next()) people_[i]->key_wanted |= member->kind() == RtcpKind::kPli;
    }
  }
  void consent() {
    for (const auto& person : people_) {
      for (const Client* client : {person->sends, person->receives}) {
        crew.receive(*client, stunMessage(client->check()));
        crew.receiveFrame(arpFrame(client->frame(), 2, kRelayMac));
      }
    }
  }

  void take(uint32_t i) {
    for (const Bytes& rtp : crew.takeRtp(*people_[i]->receives)) {
      const auto view = parseRtp(rtp).value();
      const uint32_t number = view.ssrc - 0x7000'0000;
      const auto media = static_cast<Media>(number % 2);
      check(people_[i]->received[{number / 2 % kPeople, media}], view, media);
    }
  }
  /// Numbers go on without a gap; what follows a gap of the input begins a talkspurt, or a key frame.
  void check(Received& got, const RtpView& view, Media media) {
    const auto payload = view.payload();
    const auto source = static_cast<uint16_t>(payload[payload.size() - 2] << 8 | payload[payload.size() - 1]);
    const bool gap = got.source && source != static_cast<uint16_t>(*got.source + 1);
    if (got.sequence) {
      ASSERT_EQ(view.sequence, static_cast<uint16_t>(*got.sequence + 1))
          << "media " << media << " source " << *got.source << " then " << source << " ssrc " << view.ssrc << " at "
          << ticks_ << ": " << crew.counters();
      const auto ahead = static_cast<int32_t>(view.timestamp - got.timestamp);
      ASSERT_TRUE(media == kAudio ? ahead > 0 : ahead >= 0) << ahead;
      ASSERT_TRUE(media == kVideo || ahead == 960 * static_cast<uint16_t>(source - *got.source))
          << "time goes on over what was left out";
    }
    if (media == kAudio) {
      ASSERT_EQ(view.marker, gap);
    } else {
      const auto vp8 = codec::parseVp8(payload).value();
      const bool first_of_key = payload[4] == 0;
      ASSERT_TRUE(!gap || first_of_key) << "a picture that is built on what was not sent";
      const int step = got.picture_id ? (vp8.picture_id - *got.picture_id) & 0x7fff : 0;
      ASSERT_LE(step, 1);
      got.picture_id = vp8.picture_id;
    }
    got.sequence = view.sequence;
    got.source = source;
    got.timestamp = view.timestamp;
    got.resumed += gap;
    ++got.packets;
  }
  std::set<uint32_t> came(uint32_t i, Media media, uint32_t ms) {
    std::map<uint32_t, size_t> before;
    for (const auto& [key, got] : people_[i]->received) {
      if (key.second == media) before[key.first] = got.packets;
    }
    pass(ms);
    std::set<uint32_t> whom;
    for (const auto& [key, got] : people_[i]->received) {
      if (key.second == media && got.packets > before[key.first]) whom.insert(key.first);
    }
    return whom;
  }

  Speakers speakers_{*crew.reports, [this](RanksCommand ranks) { crew.apply(std::move(ranks)); }};
  std::vector<std::unique_ptr<Person>> people_;
  std::mt19937 random_{11};
  uint64_t ticks_ = 0;
};

}  // namespace penstock::test
