// Any text as SDP: read, written and read again; answered as an offer to publish and to play, and taken as an answer.
#include <string>

#include "control/signalling/negotiate.h"
#include "control/signalling/sdp.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/signalling/fakes.h"

using namespace penstock;

namespace {

void roundTrip(const std::string& text) {
  const auto read = sdp::parse(text);
  if (!read) {
    FUZZ_CHECK(!read.error().message.empty());
    return;
  }
  FUZZ_CHECK(read->media.size() <= sdp::kMediaMax);
  const auto again = sdp::parse(sdp::write(*read));
  if (again) FUZZ_CHECK(again->media.size() == read->media.size());
}

/// What goes into rows fits them, and what we say can be read.
void negotiate(const std::string& text) {
  test::FakeChance chance;
  Fresh fresh(chance);
  const LocalSide local = test::testLocalSide();
  Participant who;
  who.id = "p_me";
  if (const auto published = negotiatePublish(who, text, {}, local, fresh)) {
    const auto answer = sdp::parse(published->answer);
    FUZZ_CHECK(answer && answer->media.size() == published->session.sections.size());
    for (const Track& track : published->tracks) {
      FUZZ_CHECK(track.mid.size() <= contract::kMidMax && !track.encodings.empty() &&
                 track.encodings.size() <= contract::kEncodingMax);
      FUZZ_CHECK(!track.codecs.empty() && track.codecs.size() <= contract::kPayloadTypeMax / 2);
    }
    Participant subscriber;
    std::vector<RemoteTrack> tracks;
    for (const Track& track : published->tracks) {
      tracks.push_back({"p_other", &track});
      subscriber.subscriptions.push_back({.track = track.id});
    }
    const OfferOutcome offer = makeOffer(subscriber, tracks, false, local, fresh);
    FUZZ_CHECK(sdp::parse(offer.offer));
    subscriber.subscribe_transport = offer.transport;
    subscriber.subscribe_session = offer.session;
    subscriber.subscriptions = offer.subscriptions;
    (void)acceptAnswer(subscriber, tracks, text);
  }
  if (const auto played = negotiatePlay(who, {}, text, "", local, fresh)) FUZZ_CHECK(sdp::parse(played->answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  roundTrip(text);
  negotiate(text);
  (void)sdp::parseFragment(text);
  return 0;
}
