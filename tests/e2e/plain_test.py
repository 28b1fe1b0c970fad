#!/usr/bin/python3
"""Peers without ICE and DTLS: RTP in the clear and SRTP, at a given address or latched, publish to aiortc and record it.
What comes from elsewhere, or under another key, is counted by its name, and nothing of it passes."""

import asyncio

from aiortc.codecs.g711 import PcmaEncoder

from lab import check, grown, need, run, wait_until
from pattern import COLOUR_TOLERANCE, TONE_HZ, colour_error, loudest_hz
from plain import Keys, PlainPeer, add, read_red, show, show_connected
from whip import Player, Publisher, eventually

OPUS, VP8 = 96, 98  # as our peers number them
AUDIO_SSRC, VIDEO_SSRC = 0x01020304, 0xfffffff0


def opus(ssrc=AUDIO_SSRC):
    return {"ssrc": ssrc, "codecs": [{"name": "opus", "payload_type": OPUS, "fmtp": "useinbandfec=1"}]}


def vp8(ssrc=VIDEO_SSRC):
    return {"ssrc": ssrc, "codecs": [{"name": "VP8", "payload_type": VP8}]}


def heard(samples, who, **rate):
    hz, purity = loudest_hz(samples, **rate)
    check(abs(hz - TONE_HZ) < 5 and purity > 0.9, f"{who}: the tone has {hz:.0f} Hz and {100 * purity:.0f} % of the energy")


async def moved(lab, name, count, act, others=()):
    """That a counter moves by exactly `count`, and no packet of it is forwarded while nothing else is sent."""
    before = lab.counters()
    act()
    await eventually(lambda: lab.counters()[name] >= before[name] + count, 3,
                     lambda: f"{name} moves by {count}; what moved: {grown(before, lab.counters())}")
    after = lab.counters()
    check(after[name] == before[name] + count and after["forwarded"] == before["forwarded"],
          f"{count} packets are counted as {name}, and nothing is forwarded")


async def refused(lab, room, status, code, **members):
    response = await add(lab, room, **members)
    check(response.status == status and response.json["error"]["code"] == code, f"refused with {status} {code}: "
          f"{response.json.get('error', {}).get('message', response)}")


async def in_the_clear(lab):
    """A publisher at a given address, as GStreamer would be one; WHEP plays it."""
    room = "clear"
    peer, stranger = await PlainPeer(lab).open(), await PlainPeer(lab).open()
    response = await add(lab, room, name="Camera", remote=peer.remote, srtp=None, publish=[opus(), vp8()])
    check(response.status == 201, f"a plain transport for {peer.address}: {response.status}")
    view = await show_connected(lab, response)
    check(view["connected"] and view["remote"] == peer.address and not view["latching"] and view["srtp"] is None,
          f"the API shows it: connected to {view['remote']}, in the clear")
    check([view["local"][0]["address"], view["local"][0]["port"]] == list(peer.relay), "... and where to send to")
    await moved(lab, "rtp_source_unvalidated", 5, lambda: stranger.noise(AUDIO_SSRC, payload_type=OPUS))
    await moved(lab, "rtp_ssrc_unsignalled", 5, lambda: peer.noise(0x0badcafe, payload_type=OPUS))
    peer.start(peer.hum(AUDIO_SSRC, OPUS))
    peer.start(peer.draw(VIDEO_SSRC, VP8))
    player = await (await Player(lab, room).start()).connected()
    await eventually(lambda: player.picture_count > 30 and player.sound_count > 150, 20,
                     lambda: f"pictures and sounds come: {player.picture_count} and {player.sound_count}")
    heard(player.samples()[-48000:], "played")
    worst = max(colour_error(frame.to_ndarray(format="rgb24")) for frame in list(player.pictures)[-5:])
    check(worst < COLOUR_TOLERANCE, f"the pictures have the colours that were drawn, within {worst:.0f} of 255")
    check(peer.rtcp[206, 1] > 0, f"the relay asks the publisher for a key frame by PLI, {peer.rtcp[206, 1]} times")
    await eventually(lambda: any(kind == 201 for kind, _ in peer.rtcp), 8, "receiver reports come back")
    await refused(lab, room, 409, "remote_exists", remote=peer.remote, srtp=None, subscribe={})
    await refused(lab, room, 400, "latch_impossible", remote="latch", srtp=None, publish=[opus()])
    await refused(lab, room, 400, "field_invalid", remote=peer.remote, publish=[opus()])
    await player.end()
    await asyncio.to_thread(lab.call, "DELETE", response.headers["Location"])
    before = lab.counters()["rtp_source_unvalidated"]
    await eventually(lambda: lab.counters()["rtp_source_unvalidated"] > before + 10, 5, "what it sends after its end is dropped")
    check(lab.participants(room) == [], "nobody is left")
    peer.close(), stranger.close()


async def latched(lab):
    """SRTP from an address that nobody knew: the first packet that is authentic tells it."""
    room, profile = "latched", "AES_CM_128_HMAC_SHA1_80"
    ours, theirs, wrong = (Keys(profile) for _ in range(3))
    peer = await PlainPeer(lab, send=ours, receive=theirs).open()
    thief, elsewhere = await PlainPeer(lab, send=wrong).open(), await PlainPeer(lab, send=ours).open()
    srtp = {"profile": profile, "receive_key": ours.text, "send_key": theirs.text}
    response = await add(lab, room, name="PBX", remote="latch", srtp=srtp, publish=[opus()])
    check(response.status == 201 and response.json["latching"] and response.json["remote"] is None, "one that latches")
    check(ours.text not in response.body.decode() and theirs.text not in response.body.decode(), "... whose keys are not told")
    await refused(lab, room, 409, "ssrc_exists", remote="latch", srtp=srtp, publish=[opus()])
    player = await (await Player(lab, room).start()).connected()
    await moved(lab, "srtp_authentication_failed", 5, lambda: thief.noise(AUDIO_SSRC, payload_type=OPUS))
    await moved(lab, "rtp_source_unvalidated", 5, lambda: peer.noise(0x0badcafe, payload_type=OPUS))
    check(not (await show(lab, response))["connected"], "... and neither is latched to")
    peer.start(peer.hum(AUDIO_SSRC, OPUS))
    await eventually(lambda: lab.counters()["forwarded"] > 0 and player.sound_count > 150, 15, "sounds come")
    view = await show(lab, response)
    check(view["connected"] and view["remote"] == peer.address, f"latched to {view['remote']}")
    rows = [row for row in lab.tables()["transports"] if row["kind"] == "plain, latching"]
    check([row["remote"] for row in rows] == [peer.address], "... which penstockctl shows, too")
    heard(player.samples()[-48000:], "played")
    before = lab.counters()
    elsewhere.noise(AUDIO_SSRC, payload_type=OPUS)  # the right key
    thief.noise(AUDIO_SSRC, payload_type=OPUS)
    await eventually(lambda: lab.counters()["latch_done"] >= before["latch_done"] + 10, 3,
                     lambda: f"latch_done moves by 10: {grown(before, lab.counters())}")
    check((await show(lab, response))["remote"] == peer.address, "from elsewhere, with whatever key: latch_done, and it stays")
    await eventually(lambda: any(kind == 201 for kind, _ in peer.rtcp), 8, "receiver reports come back, protected")
    check(peer.unreadable == 0, "... and all that came was readable")

    count = player.sound_count
    lab.control.kill()
    await asyncio.to_thread(lab.start_control)
    wait_until(lambda: lab.call("GET", "/readyz").status == 200, 10, "penstockd is back")
    check((await show(lab, response))["remote"] == peer.address, "a restarted penstockd knows it")
    await eventually(lambda: player.sound_count > count + 100, 10, "sounds go on")
    lab.dataplane.kill()
    await asyncio.to_thread(lab.start_dataplane)
    count = player.sound_count
    await eventually(lambda: player.sound_count > count + 100, 15, "a restarted dataplane goes on with it")
    check((await show(lab, response))["remote"] == peer.address, "... at the same address")
    await player.end()
    await asyncio.to_thread(lab.call, "DELETE", response.headers["Location"])
    for each in (peer, thief, elsewhere):
        each.close()


async def recorder(lab):
    """Receives all that there is and will be in the room; by SRTP, at a given address."""
    room, profile = "recorded", "AEAD_AES_128_GCM"
    key = Keys(profile)
    publisher = await (await Publisher(lab, room, video=False).start()).connected()
    peer = await PlainPeer(lab, receive=key).open()
    takes = {"tracks": "all", "codecs": [{"name": "opus", "payload_type": OPUS}, {"name": "VP8", "payload_type": VP8}]}
    response = await add(lab, room, name="Recorder", remote=peer.remote, subscribe=takes,
                         srtp={"profile": profile, "send_key": key.text})
    check(response.status == 201 and len(response.json["streams"]) == 1, "a recorder gets one stream")
    first = response.json["streams"][0]
    await eventually(lambda: len(peer.streams[first["ssrc"]].payloads) >= 100, 10, "a hundred packets of it come")
    late = await (await Publisher(lab, room, "Late", audio=False).start()).connected()
    await eventually(lambda: len(peer.streams) == 2, 10, "another publisher's comes by itself")
    view = await show(lab, response)
    by_kind = {stream["kind"]: stream for stream in view["streams"]}
    check({stream["ssrc"] for stream in view["streams"]} == set(peer.streams), "the API tells the SSRCs that come")
    await eventually(lambda: len(peer.streams[by_kind["video"]["ssrc"]].payloads) >= 50, 10, "pictures come")
    for kind, payload_type in (("audio", OPUS), ("video", VP8)):
        stream = peer.streams[by_kind[kind]["ssrc"]]
        check(stream.payload_types == {payload_type}, f"{kind} has the payload type that was asked for")
        check(not stream.gaps(), f"... and {len(stream.sequences)} packets without a gap")
    heard(peer.streams[by_kind["audio"]["ssrc"]].samples(), "recorded")
    check(peer.rtcp[200, 0] + peer.rtcp[200, 1] > 0, "sender reports come")
    check(peer.unreadable == 0, "all that came was readable by the key that was given")
    await refused(lab, room, 404, "track_unknown", remote={"address": peer.ip, "port": 9}, subscribe={"tracks": ["t_none"]}, srtp=None)
    await late.end()
    await eventually(lambda: lab.call("GET", response.headers["Location"]).json["streams"] == [first], 5,
                     "what ended is not among its streams any more")
    await publisher.end()
    check((await asyncio.to_thread(lab.call, "DELETE", response.headers["Location"])).status == 204, "DELETE ends the recorder")
    peer.close()


async def both_ways(lab):
    """A call between two plain peers at given addresses, one in the clear, one by SRTP with 256 bits."""
    room, profile = "call", "AEAD_AES_256_GCM"
    ours, theirs, wrong = (Keys(profile) for _ in range(3))
    clear, secret = await PlainPeer(lab).open(), await PlainPeer(lab, send=ours, receive=theirs).open()
    takes = {"codecs": [{"name": "opus", "payload_type": OPUS}]}
    one = await add(lab, room, remote=clear.remote, srtp=None, publish=[opus()], subscribe=takes)
    two = await add(lab, room, remote=secret.remote, publish=[opus()], subscribe=takes,
                    srtp={"profile": profile, "receive_key": ours.text, "send_key": theirs.text})
    check(one.status == 201 and two.status == 201, "two of one SSRC, each at its address")
    plain_rows = [row for row in lab.tables()["transports"] if row["kind"] == "plain"]
    check({row["given"] for row in plain_rows} == {clear.address, secret.address}, "each has one row for both ways")
    wrong_key, right_key = wrong.session(True), secret.sender
    secret.sender = wrong_key
    await moved(lab, "srtp_authentication_failed", 5, lambda: secret.noise(AUDIO_SSRC, payload_type=OPUS))
    secret.sender = None
    await moved(lab, "srtp_authentication_failed", 5, lambda: secret.noise(AUDIO_SSRC, payload_type=OPUS))
    check(not clear.streams and not secret.streams, "... nobody got any of it")
    secret.sender = right_key
    for peer in (clear, secret):
        peer.start(peer.hum(AUDIO_SSRC, OPUS))
    for peer, response, who in ((clear, one, "in the clear"), (secret, two, "by SRTP")):
        ssrc = (await show(lab, response))["streams"][0]["ssrc"]
        await eventually(lambda: len(peer.streams[ssrc].payloads) >= 100, 10, f"{who}: a hundred packets come")
        check(list(peer.streams) == [ssrc] and not peer.streams[ssrc].gaps(), "... of the SSRC that was told, without a gap")
        heard(peer.streams[ssrc].samples(), who)
    listed = lab.call("GET", f"/v1/rooms/{room}/plain-transports").json["plain_transports"]
    check({view["srtp"] for view in listed} == {None, profile}, "the list shows which is protected, and how")
    check(not any(key.text in str(listed) for key in (ours, theirs)), "... by no key")
    check(lab.call("DELETE", f"/v1/rooms/{room}/participants/{two.json['participant']}").status == 204, "a moderator removes one")
    check(lab.call("DELETE", two.headers["Location"]).json["error"]["code"] == "transport_unknown", "... once")
    lab.call("DELETE", one.headers["Location"])
    clear.close(), secret.close()


async def redundant(lab):
    """RED: whoever takes it gets it under its own numbers, whoever does not, aiortc among them, plain Opus."""
    room, red_type, theirs, their_red = "red", 97, 100, 101
    peer, with_red, without = [await PlainPeer(lab).open() for _ in range(3)]
    codecs = [{"name": "red", "payload_type": red_type, "fmtp": f"{OPUS}/{OPUS}"}, {"name": "opus", "payload_type": OPUS}]
    await refused(lab, room, 422, "codec_unsupported", remote=peer.remote, srtp=None,
                  publish=[{"ssrc": AUDIO_SSRC, "codecs": codecs[:1]}])
    await add(lab, room, remote=peer.remote, srtp=None, publish=[{"ssrc": AUDIO_SSRC, "codecs": codecs}])
    takes = [{"name": "opus", "payload_type": theirs}, {"name": "red", "payload_type": their_red}]
    await add(lab, room, remote=with_red.remote, srtp=None, subscribe={"codecs": takes})
    await add(lab, room, remote=without.remote, srtp=None, subscribe={})
    peer.start(peer.hum(AUDIO_SSRC, OPUS, red_type))
    player = await (await Player(lab, room).start()).connected()
    await eventually(lambda: player.sound_count > 150, 10, "aiortc hears sounds")
    heard(player.samples()[-48000:], "played by aiortc, which has no RED")
    await eventually(lambda: all(any(len(s.payloads) > 100 for s in p.streams.values()) for p in (with_red, without)), 5,
                     "both recorders get packets")
    (whole,), (plain,) = with_red.streams.values(), without.streams.values()
    check(whole.payload_types == {their_red}, f"one that takes RED gets it as {their_red}")
    types, frames = zip(*map(read_red, whole.payloads))
    check({t for each in types for t in each} == {theirs}, f"... made of Opus as {theirs}, by its own numbers")
    check(all(a[-1] == b[-2] == c[-3] for a, b, c in zip(frames, frames[1:], frames[2:])), "... each frame thrice")
    check(plain.payload_types == {111} and not plain.gaps(), "one that does not gets Opus without a gap")
    check({each[-1] for each in frames} & set(plain.payloads), "... the same frames, byte by byte")
    await player.end()
    for each in lab.participants(room):
        lab.call("DELETE", f"/v1/rooms/{room}/participants/{each['id']}")
    for each in (peer, with_red, without):
        each.close()


async def telephone(lab):
    """A telephone that has PCMA only, an SSRC that nobody told, and RTCP on a port of its own: aiortc plays it."""
    room, pcma, event = "telephone", 8, 101
    peer, rtcp = await PlainPeer(lab).open(), await PlainPeer(lab).open()
    codecs = [{"name": "PCMA", "payload_type": pcma}, {"name": "telephone-event", "payload_type": event}]
    remote = {**peer.remote, "rtcp_port": rtcp.port}
    await refused(lab, room, 400, "field_invalid", remote=remote, srtp=None, publish=[{"codecs": codecs}, {"codecs": codecs}])
    response = await add(lab, room, remote=remote, srtp=None, publish=[{"codecs": codecs}])
    check(response.status == 201 and response.json["rtcp_port"] == rtcp.port, f"a plain transport for it: {response.status}")
    peer.start(peer.hum(AUDIO_SSRC, pcma, encoder=PcmaEncoder()))
    player = await (await Player(lab, room).start()).connected()
    await eventually(lambda: player.sound_count > 150, 10, "aiortc hears sounds")
    heard(player.samples()[-8000:], "played by aiortc, sent as PCMA", rate=8000)
    await eventually(lambda: any(kind == 201 for kind, _ in rtcp.rtcp), 8, "receiver reports come to its RTCP port")
    check(not peer.rtcp, "... and none to that of its RTP")
    await player.end()
    for each in lab.participants(room):
        lab.call("DELETE", f"/v1/rooms/{room}/participants/{each['id']}")
    peer.close(), rtcp.close()


async def play(lab):
    for scene in (in_the_clear, latched, recorder, both_ways, redundant, telephone):
        print(f"--- {scene.__doc__.splitlines()[0]}")
        await scene(lab)
    wait_until(lambda: not any(lab.tables().values()), 5, "no row is left")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need()
run(lambda lab: asyncio.run(play(lab)), families="4")
