#!/usr/bin/python3
"""Nobody else gets in: what strangers, liars and eavesdroppers send is counted by its own name, answered by silence,
forwarded to nobody, and leaves no state behind. `intruder_test.py 4` or `6` for the family."""

import asyncio
import os
import re
import socket
import struct
import sys

from aioice import stun

from lab import MEDIA_PORT, check, grown, need, run, wait_until
from whip import Player, Publisher, eventually

ROOM = "intruders"
ETH_P_ALL = 3
UDP = 17


def rtp(ssrc=0x12345678, payload=b"x" * 60):
    return struct.pack("!BBHII", 0x80, 96, 1, 1000, ssrc) + payload


def rtcp():
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, 0x12345678, 1, 2, 3, 4, 5) + b"x" * 14


def dtls():
    """The beginning of a ClientHello in a record of DTLS 1.0, as all clients send it."""
    return bytes([22, 0xfe, 0xff]) + bytes(8) + struct.pack("!H", 60) + bytes([1]) + bytes(59)


def binding(username, password=None, fingerprint=True, method=stun.Method.BINDING):
    """A connectivity check with nomination, as right as the caller wants it."""
    message = stun.Message(message_method=method, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1845501695
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    if password is not None:
        message.add_message_integrity(password.encode())
    elif fingerprint:
        message.attributes["FINGERPRINT"] = stun.message_fingerprint(bytes(message))
    if not fingerprint:
        message.attributes.pop("FINGERPRINT", None)
    return bytes(message)


class Ear:
    """Hears and speaks Ethernet on the clients' side of the wire."""

    def __init__(self, family, relay):
        self.family, self.relay = family, socket.inet_pton(family, relay)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind(("clients", ETH_P_ALL))
        self.socket.setblocking(False)

    def payload_at(self, frame):
        """Where the UDP payload begins of what is on its way to the relay, or nothing."""
        if self.family == socket.AF_INET and frame[12:14] == b"\x08\x00" and frame[23] == UDP and frame[30:34] == self.relay:
            return 42
        if self.family == socket.AF_INET6 and frame[12:14] == b"\x86\xdd" and frame[20] == UDP and frame[38:54] == self.relay:
            return 62
        return None

    async def capture(self, wanted, what, seconds=10):
        """The next frame to the relay whose payload is `wanted`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            frame = await asyncio.wait_for(loop.sock_recv(self.socket, 65536), end - loop.time())
            at = self.payload_at(frame)
            if at and wanted(frame[at:]):
                return frame
        raise TimeoutError(what)

    def say(self, frame):
        """The same frame once more. Its UDP checksum is made here: the kernel leaves that to a network card, which a
        frame that was heard on the way to it has not met yet."""
        at = self.payload_at(frame)
        self.socket.send(frame[:at - 2] + self.checksum(frame, at) + frame[at:])

    def forged(self, frame, at, size):
        """The same with another number, `size` octets at `at` of the UDP payload, which the sender has not come to yet."""
        at = self.payload_at(frame) + at if at >= 0 else len(frame) + at
        number = (int.from_bytes(frame[at:at + size], "big") + 1000) % 256 ** size
        return frame[:at] + number.to_bytes(size, "big") + frame[at + size:]

    def checksum(self, frame, at):
        addresses = frame[26:34] if self.family == socket.AF_INET else frame[22:54]
        udp = bytes(frame[at - 8:at - 2]) + b"\0\0" + bytes(frame[at:])
        data = bytes(addresses) + struct.pack("!II", len(udp), UDP) + udp + b"\0" * (len(udp) % 2)
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return struct.pack("!H", ~total & 0xffff or 0xffff)


def is_rtp(payload):
    return 128 <= payload[0] <= 191 and not 192 <= payload[1] <= 223


def is_rtcp(payload):
    return 128 <= payload[0] <= 191 and 192 <= payload[1] <= 223


def table_sizes(lab):
    return {kind: len(rows) for kind, rows in lab.tables().items()}


async def moved(lab, name, count, what):
    """That a counter moves by at least `count` while `what` is done; nobody else moves it here."""
    before = lab.counters()
    yield_to = what()
    if asyncio.iscoroutine(yield_to):
        await yield_to
    await eventually(lambda: lab.counters()[name] >= before[name] + count, 3,
                     lambda: f"{name} moves by {count}; what moved: {grown(before, lab.counters())}")


async def strangers(lab, family, publisher):
    relay = (lab.net.relay_media[lab.families], MEDIA_PORT)
    lab.net.let_stranger_in(lab.families)
    mouth = socket.socket(family, socket.SOCK_DGRAM)
    mouth.bind((lab.net.stranger[lab.families], 0))
    mouth.setblocking(False)
    sizes = table_sizes(lab)
    ufrag, pwd = publisher.answered("ice-ufrag"), publisher.answered("ice-pwd")
    good_name = f"{ufrag}:stranger"
    video_ssrc = int(re.search(r"a=ssrc:(\d+)", publisher.connection.localDescription.sdp).group(1))
    cases = [
        ("RTP", rtp(), "rtp_source_unvalidated"),
        ("RTP with a signalled SSRC", rtp(video_ssrc), "rtp_source_unvalidated"),
        ("RTCP", rtcp(), "rtcp_source_unvalidated"),
        ("DTLS", dtls(), "dtls_source_unvalidated"),
        ("QUIC, or noise", b"\xff" * 100, "datagram_kind_unknown"),
        ("STUN that is cut off", binding(good_name, pwd)[:30], "stun_malformed"),
        ("STUN without fingerprint", binding(good_name, pwd, fingerprint=False), "stun_fingerprint_bad"),
        ("STUN that asks for an allocation", binding(good_name, pwd, method=stun.Method.ALLOCATE), "stun_not_binding_request"),
        ("STUN for an unknown ufrag", binding("nobody:stranger", pwd), "stun_ufrag_unknown"),
        ("STUN without integrity", binding(good_name), "stun_integrity_bad"),
        ("STUN with a wrong password", binding(good_name, "w" * len(pwd)), "stun_integrity_bad"),
    ]
    for what, payload, counter in cases:
        await moved(lab, counter, 3, lambda: [mouth.sendto(payload, relay) for _ in range(3)])
        check(True, f"{what} from a stranger is counted as {counter}")
    await asyncio.sleep(0.5)
    try:
        answer = mouth.recv(2000)
        check(False, f"the stranger gets no answer, but got {answer[:40].hex()}")
    except BlockingIOError:
        check(True, "the stranger got no answer to any of them")
    check(table_sizes(lab) == sizes, f"no row was made: {sizes}")
    check(not any(lab.net.stranger[lab.families] in row["remote"] for row in lab.tables()["transports"]),
          "no transport took the stranger's address")
    mouth.close()


async def eavesdropper(lab, family):
    """Who can read the wire, and write to it with anybody's address."""
    ear = Ear(family, lab.net.relay_media[lab.families])
    frame = await ear.capture(is_rtp, "SRTP")
    await moved(lab, "srtp_replayed", 5, lambda: [ear.say(frame) for _ in range(5)])
    check(True, "a replayed SRTP packet is counted as srtp_replayed")
    frame = await ear.capture(lambda p: is_rtp(p) and len(p) > 60, "SRTP")
    await moved(lab, "srtp_authentication_failed", 1, lambda: ear.say(ear.forged(frame, 2, 2)))
    check(True, "... with a sequence number that is to come, as srtp_authentication_failed")
    frame = await ear.capture(is_rtcp, "SRTCP")
    await moved(lab, "srtcp_replayed", 2, lambda: [ear.say(frame) for _ in range(2)])
    check(True, "a replayed SRTCP packet is counted as srtcp_replayed")
    frame = await ear.capture(is_rtcp, "SRTCP")
    # RFC 3711 section 3.4: the index stands before the tag of 80 bits.
    await moved(lab, "srtcp_authentication_failed", 1, lambda: ear.say(ear.forged(frame, -14, 4)))
    check(True, "... with an index that is to come, as srtcp_authentication_failed")
    ear.socket.close()


async def liar(lab, publisher):
    """A participant with keys who sends what was never signalled."""
    transport = publisher.connection.getTransceivers()[0].sender.transport

    async def send(packet, count=3):
        for i in range(count):
            await transport._send_rtp(packet[:2] + struct.pack("!H", 100 + i) + packet[4:])

    await moved(lab, "rtp_ssrc_unsignalled", 3, lambda: send(rtp(0x0badcafe)))
    check(True, "an unsignalled SSRC is counted as rtp_ssrc_unsignalled")


async def impostor(lab, player):
    """Whose certificate is not the one that its offer named."""
    sizes, failures = table_sizes(lab), dtls_failures(lab)
    flip = {c: "0" if c != "0" else "1" for c in "0123456789ABCDEF"}

    def other_certificate(sdp):
        return re.sub(r"(a=fingerprint:sha-256 )(\w)", lambda m: m.group(1) + flip[m.group(2).upper()], sdp)

    before, pictures = lab.counters(), player.picture_count
    impostor = await Publisher(lab, ROOM, "Impostor", change_offer=other_certificate).start()
    await eventually(lambda: dtls_failures(lab) > failures, 15, "a DTLS failure is counted in /metrics")
    check(True, "a certificate that is not the offer's: the handshake fails, and /metrics counts it")
    await asyncio.sleep(1)
    check(impostor.connection.connectionState != "connected", f"... the impostor is {impostor.connection.connectionState}")
    ufrag = impostor.answered("ice-ufrag")
    rows = [row for row in lab.tables()["transports"] if row["ufrag"] == ufrag]
    check(all(row["srtp"] == "none yet" for row in rows), "... and its transport has no keys")
    state = impostor.id in [p["id"] for p in lab.participants(ROOM)]
    if state:
        await impostor.end()
    await impostor.connection.close()
    await eventually(lambda: table_sizes(lab) == sizes, 5, f"its rows go with it: {sizes}, {table_sizes(lab)}")
    check(player.picture_count > pictures, "... the others go on")


def dtls_failures(lab):
    return lab.metric('penstock_dtls_handshakes_total{result="fingerprint_mismatch"')


async def play(lab):
    family = socket.AF_INET if lab.families == "4" else socket.AF_INET6
    publisher = await (await Publisher(lab, ROOM).start()).connected()
    player = await (await Player(lab, ROOM).start()).connected()
    await eventually(lambda: player.picture_count > 10 and player.sound_count > 10, 15, "pictures and sound")
    before = {kind: await player.statistics(kind) for kind in ("audio", "video")}
    await strangers(lab, family, publisher)
    await eavesdropper(lab, family)
    await liar(lab, publisher)
    await impostor(lab, player)
    for kind in ("audio", "video"):
        statistics = await player.statistics(kind)
        count = statistics["packets"] - before[kind]["packets"]
        check(count > 20 and statistics["lost"] == 0, f"meanwhile {count} packets of {kind} came through, none lost")
    await publisher.end()
    await player.end()
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need()
run(lambda lab: asyncio.run(play(lab)), families=sys.argv[1] if len(sys.argv) > 1 else "4")
