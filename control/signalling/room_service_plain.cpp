// Plain transports: what the API says of them is checked against all others, then becomes a participant without
// signalling, whose tracks and subscriptions are like everybody's.
#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "control/room/address.h"
#include "control/room/authorise.h"
#include "control/room/codec.h"
#include "control/room/srtp_profiles.h"
#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"
#include "control/signalling/room_service.h"

namespace penstock {
namespace {

std::unexpected<Refusal> refuse(int status, const char* code, const char* message) {
  return std::unexpected(Refusal{status, code, message});
}

/// An address is proved by packets that nobody else can make: there must be keys, and something to recognise them by.
Result<void> checkLatch(const PlainRequest& request) {
  if (request.keys.profile == static_cast<uint16_t>(contract::SrtpProfile::kUnprotected))
    return refuse(400, "latch_impossible",
                  "Only what SRTP authenticates can tell an address: give the remote address, or keys.");
  if (request.publish.empty())
    return refuse(400, "latch_impossible",
                  "A transport that publishes nothing has nothing to latch to: give its address.");
  return {};
}

Result<void> checkRemote(const PlainRequest& request, const LocalSide& local) {
  const auto remote = readAddress(request.remote_ip, request.remote_port);
  if (!remote || !isOneHost(*remote))
    return refuse(400, "remote_invalid", "remote must be the address and port of one host, not of this one.");
  const auto ip = parseIpValue(ipText(*remote));
  if (ip && std::ranges::any_of(local.denied, [&](const PrefixValue& network) { return network.contains(*ip); }))
    return refuse(403, "remote_denied", "remote is in a network that the setting media.deny names.");
  bool family = false;
  for (const LocalSide::Place& place : local.places) {
    const auto ours = readAddress(place.ip, place.port);
    if (!ours) continue;
    family = family || isIpv4(*ours) == isIpv4(*remote);
    if (ipText(*ours) == ipText(*remote)) return refuse(400, "remote_invalid", "remote is the relay itself.");
  }
  if (!family) return refuse(400, "remote_invalid", "The relay has no address of the family of remote.");
  return {};
}

Result<void> checkKeys(const PlainRequest& request) {
  const SrtpKeys& keys = request.keys;
  const SrtpProfileText* profile = findSrtpProfile(static_cast<contract::SrtpProfile>(keys.profile));
  if (!profile) return refuse(400, "keys_invalid", "The SRTP profile is not known.");
  if (profile->key_bytes == 0) return {};
  if (!request.publish.empty() && keys.receive_key.empty())
    return refuse(400, "keys_invalid", "What it publishes needs srtp.receive_key.");
  if (request.subscribe && keys.send_key.empty())
    return refuse(400, "keys_invalid", "What it subscribes to needs srtp.send_key.");
  // RFC 3711 section 9.1: streams of one SSRC under one key would use one keystream twice.
  if (!keys.send_key.empty() && keys.receive_key + keys.receive_salt == keys.send_key + keys.send_salt)
    return refuse(400, "keys_invalid", "Each direction needs a key of its own.");
  return {};
}

Result<void> checkCodecs(const PlainRequest& request) {
  const auto known = [](const Codec& codec) { return canonicalCodec(codec).has_value(); };
  // RED repeats the frames of a codec that must be there on its own too: not every subscriber takes RED.
  const auto red_alone = [](const std::vector<Codec>& codecs) {
    return std::ranges::any_of(codecs, isRed) && std::ranges::none_of(codecs, isOpus);
  };
  for (const Track& track : request.publish)
    if (!std::ranges::all_of(track.codecs, known) || red_alone(track.codecs))
      return refuse(422, "codec_unsupported", "A codec of a published track is none that the relay forwards.");
  if (!std::ranges::all_of(request.codecs, known) || red_alone(request.codecs))
    return refuse(422, "codec_unsupported", "A codec of subscribe is none that the relay forwards.");
  return {};
}

}  // namespace

/// A direction that was given no key gets one that nobody knows: RTCP of that direction then reaches nobody.
SrtpKeys RoomService::completed(SrtpKeys keys) {
  const SrtpProfileText& profile = *findSrtpProfile(static_cast<contract::SrtpProfile>(keys.profile));
  const auto random = [&](size_t bytes) {
    std::string data(bytes, '\0'), hex;
    edges_.chance.fill({reinterpret_cast<uint8_t*>(data.data()), data.size()});
    for (const char c : data) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
    return hex;
  };
  const auto complete = [&](std::string& key, std::string& salt) {
    if (!key.empty()) return;
    key = random(profile.key_bytes);
    salt = random(profile.salt_bytes);
  };
  complete(keys.receive_key, keys.receive_salt);
  complete(keys.send_key, keys.send_salt);
  return keys;
}

Result<std::string> RoomService::addPlain(const PlainRequest& request) {
  if (request.publish.empty() && !request.subscribe)
    return refuse(400, "field_invalid", "It must publish or subscribe, or both.");
  if (auto good = request.remote_ip.empty() ? checkLatch(request) : checkRemote(request, local_); !good)
    return std::unexpected(good.error());
  if (auto good = checkKeys(request); !good) return std::unexpected(good.error());
  if (auto good = checkCodecs(request); !good) return std::unexpected(good.error());
  Transport transport = newTransport(Purpose::publish, local_, fresh_);
  transport.plain = true;
  transport.ice_pwd.clear();
  transport.receive_bitrate_max_bps = 0;  // REMB is not what such peers negotiate
  transport.keys = completed(request.keys);
  if (!request.remote_ip.empty()) {
    transport.remote_ip = ipText(*readAddress(request.remote_ip, request.remote_port));
    transport.remote_port = request.remote_port;
    transport.rtcp_port = request.rtcp_port == request.remote_port ? 0 : request.rtcp_port;
  }
  if (auto free = plain_claims_.check(request.room, transport, request.publish); !free)
    return std::unexpected(free.error());

  const auto joined = join({.room = request.room,
                            .name = request.name,
                            .identity = request.identity,
                            .protocol = kPlainProtocol,
                            .permissions = {.publish = !request.publish.empty(), .subscribe = request.subscribe},
                            .auto_subscribe = request.subscribe && request.subscribe_all},
                           nullptr);
  if (!joined) return joined;
  const ParticipantKey key{request.room, *joined};
  plain_claims_.take(request.room, transport, request.publish);
  if (auto done = connectPlain(key, request, transport); !done) {
    (void)drop(key, "left");
    plain_claims_.release(transport.id);  // of a transport that there never was
    return std::unexpected(done.error());
  }
  settle();
  return key.participant;
}

Result<void> RoomService::connectPlain(const ParticipantKey& key, const PlainRequest& request, Transport transport) {
  if (!request.publish.empty()) {
    std::vector<Track> tracks = request.publish;
    for (Track& track : tracks) track.id = fresh_.id("t_");
    if (auto done = apply(Published{key.room, key.participant, transport, newSession(fresh_), tracks}); !done)
      return done;
  }
  if (!request.subscribe) return {};
  for (const std::string& track : request.tracks)
    if (auto done = apply(SubscriptionWanted{key.room, key.participant, track}); !done) return done;
  Participant as = *participant(key);
  as.subscribe_session = newSession(fresh_);
  if (!request.codecs.empty()) as.subscribe_session.sections.push_back({.codecs = request.codecs});
  auto filled = fillPlain(as, othersTracks(key)).value_or(SlotOutcome{as.subscribe_session, as.subscriptions});
  for (const std::string& track : request.tracks)
    if (!std::ranges::any_of(filled.subscriptions,
                             [&](const auto& each) { return each.track == track && each.active; }))
      return refuse(422, "codec_unsupported", "A track that is listed has none of the codecs of subscribe.");
  transport.purpose = as.publish_transport ? Purpose::publish : Purpose::subscribe;
  return apply(
      Subscribed{key.room, key.participant, transport, std::move(filled.session), std::move(filled.subscriptions)});
}

void RoomService::settlePlain(const ParticipantKey& key, const Participant& who) {
  if (!who.subscribe_transport) return;  // it is not connected yet
  auto filled = fillPlain(who, othersTracks(key));
  if (!filled) return;
  const auto applied = apply(Subscribed{key.room, key.participant, *who.subscribe_transport, std::move(filled->session),
                                        std::move(filled->subscriptions)});
  if (!applied) spdlog::warn("room {}: {} gets no new track: {}", key.room, key.participant, applied.error().code);
}

}  // namespace penstock
