#!/usr/bin/env python3
"""Makes the golden packets and their decoded twins: sudo unshare --net /usr/bin/python3 tests/packets/make.py

Nothing of Penstock takes part. The Linux kernel makes the frames (we read them from a TAP device, so that it fills in
every checksum), aioice makes STUN, aiortc makes RTP and RTCP, this script adds VLAN tags, and the twin says what they
were told to make. Run it again only to add packets: what is committed stays, because a decoder that starts to disagree
with it has changed. The same packets, and a few odd ones, are where the fuzz tests start from.
"""

import fcntl
import os
import pathlib
import select
import socket
import struct
import subprocess

from aioice import stun
from aiortc import rtp

FOLDER = pathlib.Path(__file__).parent
CORPUS = FOLDER.parent / "fuzz/corpus"
CLIENT_MAC, RELAY_MAC = "02:00:00:00:00:0c", "02:00:00:00:00:01"
ADDRESSES = {4: ("198.18.0.2", "198.18.0.1"), 6: ("2001:db8::2", "2001:db8::1")}  # client, relay
PASSWORD = "0123456789abcdef0123456789abcdef"


def sh(text):
    subprocess.run(text.split(), check=True)


def open_tap():
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"tap0", 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
    sh(f"ip link set tap0 address {CLIENT_MAC} up")
    for family, (client, relay) in ADDRESSES.items():
        sh(f"ip addr add {client}/24 dev tap0" if family == 4 else f"ip addr add {client}/64 dev tap0 nodad")
        sh(f"ip neigh replace {relay} lladdr {RELAY_MAC} dev tap0")
    return tap


def read_frame(tap, wanted):
    """The next frame that `wanted` accepts; the kernel says other things too (router solicitations, MLD)."""
    while select.select([tap], [], [], 3)[0]:
        frame = os.read(tap, 65536)
        if wanted(frame):
            return frame
    raise SystemExit("the kernel did not send it")


def frame_of(tap, payload, family=4, vlan=None, tos=0):
    client, relay = ADDRESSES[family]
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind((client, 5000))
        if tos:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        s.sendto(payload, (relay, 10000))
    frame = read_frame(tap, lambda f: payload in f)
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:] if vlan else frame


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def udp_twin(payload, family, vlan, tos):
    client, relay = ADDRESSES[family]
    lines = [f"mac {CLIENT_MAC} > {RELAY_MAC}"]
    if vlan:
        lines.append(f"vlan {vlan}")
    lines.append(f"udp {endpoint(client, 5000)} > {endpoint(relay, 10000)} dscp {tos >> 2}, {len(payload)} bytes")
    return lines


def stun_packets():
    def message(**attributes):
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=bytes(range(12)))
        for name, value in attributes.items():
            request.attributes[name.replace("_", "-")] = value
        request.add_message_integrity(PASSWORD.encode())
        return bytes(request)

    check = message(USERNAME="ours:theirs", PRIORITY=0x6E0001FF, ICE_CONTROLLING=0x0102030405060708)
    yield "stun_check", check, ["stun username ours:theirs priority 6e0001ff role controlling 0102030405060708"]
    nomination = message(USERNAME="oUrS:th+eirs/", PRIORITY=1, ICE_CONTROLLED=0xFFFFFFFFFFFFFFFF, USE_CANDIDATE=None)
    yield "stun_nomination", nomination, [
        "stun username oUrS:th+eirs/ priority 00000001 role controlled ffffffffffffffff nominated"]
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=bytes(range(12)))
    response.attributes["XOR-MAPPED-ADDRESS"] = ("198.18.0.2", 5000)
    response.add_message_integrity(PASSWORD.encode())
    yield "stun_response", bytes(response), ["refused stun_not_binding_request"]


def rtp_packet(elements, payload, padding=0, csrc=(), **fields):
    packet = rtp.RtpPacket(payload=payload, **fields)
    packet.csrc = list(csrc)
    data = bytearray(packet.serialize())
    profile, block = rtp.pack_header_extensions(elements)
    if block:
        data[0] |= 0x10
        at = 12 + 4 * len(csrc)
        data[at:at] = struct.pack("!HH", profile, len(block) // 4) + block
    if padding:
        data[0] |= 0x20
        data += bytes(padding - 1) + bytes([padding])
    marker = " marker" if fields.get("marker") else ""
    twin = [f"rtp pt {fields['payload_type']} seq {fields['sequence_number']} ts {fields['timestamp']} "
            f"ssrc {fields['ssrc']:08x} csrc {len(csrc)}{marker}"]
    twin += [f"extension {id} {value.hex()}" for id, value in elements]
    twin.append(f"payload {len(payload)} padding {padding}")
    return bytes(data), twin


def rtp_packets():
    opus = rtp_packet([(1, b"\x8a"), (3, b"audio"), (5, b"\x12\x34")], bytes(range(80)),
                      payload_type=111, sequence_number=65535, timestamp=0xFFFFFF00, ssrc=0x11223344, marker=1)
    yield "rtp_opus", *opus
    video = rtp_packet([(2, b"\x01\x02\x03"), (20, b"hi"), (4, b"v" * 17)], bytes(1100), padding=9, csrc=[1, 2],
                       payload_type=96, sequence_number=0, timestamp=90000, ssrc=0xDEADBEEF)
    yield "rtp_two_byte", *video
    plain = rtp_packet([], b"", payload_type=0, sequence_number=1, timestamp=2, ssrc=3)
    yield "rtp_empty", *plain


def rtcp_packets():
    report = rtp.RtcpReceiverInfo(ssrc=0x22222222, fraction_lost=64, packets_lost=-3, highest_sequence=0x0001FFFF,
                                  jitter=90, lsr=0xAABBCCDD, dlsr=65536)
    block = "block 22222222 fraction 64 lost -3 highest 131071 jitter 90 lsr aabbccdd dlsr 65536"
    info = rtp.RtcpSenderInfo(ntp_timestamp=0xE0000000_80000000, rtp_timestamp=1234, packet_count=10, octet_count=2000)
    sender = bytes(rtp.RtcpSrPacket(ssrc=0x11111111, sender_info=info, reports=[report]))
    chunk = rtp.RtcpSourceInfo(ssrc=0x11111111, items=[(1, b"cname@example")])
    yield "rtcp_sr_sdes", sender + bytes(rtp.RtcpSdesPacket(chunks=[chunk])), [
        "rtcp sr 11111111 ntp e000000080000000 ts 1234 packets 10 octets 2000", block,
        "rtcp sdes 11111111 cname@example"]
    lost = [10, 11, 26, 27, 65535]
    feedback = (bytes(rtp.RtcpRrPacket(ssrc=0x33333333, reports=[report]))
                + bytes(rtp.RtcpRtpfbPacket(fmt=1, ssrc=0x33333333, media_ssrc=0x22222222, lost=lost))
                + bytes(rtp.RtcpPsfbPacket(fmt=1, ssrc=0x33333333, media_ssrc=0x22222222)))
    yield "rtcp_rr_nack_pli", feedback, [
        "rtcp rr 33333333", block, "rtcp nack 22222222 10 11 26 27 65535", "rtcp pli 22222222"]
    remb = rtp.RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=rtp.pack_remb_fci(4160000, [0x22222222]))
    fir = rtp.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=struct.pack("!LL", 0x22222222, 7 << 24))
    bye = rtp.RtcpByePacket(sources=[0x22222222])
    yield "rtcp_remb_fir_bye", bytes(remb) + bytes(fir) + bytes(bye), [
        "rtcp remb 4160000 22222222", "rtcp fir 22222222 7", "rtcp bye 22222222"]


def other_packets():
    hello = bytes.fromhex("16feff 0000000000000000 0004 01000000")
    yield "dtls", hello, ["dtls"]
    yield "quic", b"\xc3" + bytes(20), ["refused datagram_kind_unknown"]


def link_frames(tap):
    def ether_type(frame):
        return struct.unpack_from("!H", frame, 12)[0]

    # The kernel asks for neighbours it does not know, and ping does not wait for them.
    subprocess.run("ping -c 1 -W 1 198.18.0.9".split(), stdout=subprocess.DEVNULL, check=False)
    yield "arp_request", read_frame(tap, lambda f: ether_type(f) == 0x0806), [
        f"mac {CLIENT_MAC} > ff:ff:ff:ff:ff:ff", f"arp request 198.18.0.2 {CLIENT_MAC} target 198.18.0.9"]
    subprocess.run("ping -6 -c 1 -W 1 2001:db8::9".split(), stdout=subprocess.DEVNULL, check=False)
    target = socket.inet_pton(socket.AF_INET6, "2001:db8::9")  # not its own, which it looks for duplicates of
    yield "nd_solicitation", read_frame(tap, lambda f: f[20] == 58 and f[54] == 135 and f[62:78] == target), [
        f"mac {CLIENT_MAC} > 33:33:ff:00:00:09", f"nd solicitation 2001:db8::2 target 2001:db8::9 {CLIENT_MAC}"]
    for family, destination in ((4, "198.18.0.1"), (6, "2001:db8::1")):
        subprocess.run(f"ping -{family} -c 1 -W 1 -s 24 {destination}".split(), stdout=subprocess.DEVNULL, check=False)
        echo = read_frame(tap, lambda f: (f[23] == 1 and f[34] == 8) if family == 4 else (f[20] == 58 and f[54] == 128))
        source = ADDRESSES[family][0]
        yield f"echo_v{family}", echo, [
            f"mac {CLIENT_MAC} > {RELAY_MAC}", f"echo {source} > {destination}, 32 bytes"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("198.18.0.2", 5000))
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: may be fragmented
        s.sendto(bytes(2000), ("198.18.0.1", 10000))
        fragments = lambda f: ether_type(f) == 0x0800 and struct.unpack_from("!H", f, 20)[0] & 0x3FFF
        yield "fragment", read_frame(tap, fragments), ["refused ip_fragment"]


def odd_seeds():
    """What no well-behaved sender makes, but mutations of good packets would take long to find."""
    client, relay = bytes.fromhex(CLIENT_MAC.replace(":", "")), bytes.fromhex(RELAY_MAC.replace(":", ""))
    arp_reply = relay + client + bytes.fromhex("0806 0001080006040002") + client + bytes([198, 18, 0, 254])
    yield "neighbour", "arp_reply", arp_reply + relay + bytes([198, 18, 0, 1])
    source, target = (socket.inet_pton(socket.AF_INET6, a) for a in ADDRESSES[6])
    advertisement = bytes.fromhex("88000000 60000000") + source + bytes.fromhex("0201") + client
    ip = bytes.fromhex("60000000 0020 3aff") + source + target
    yield "neighbour", "nd_advertisement", relay + client + bytes.fromhex("86dd") + ip + advertisement
    querier, nodes = (socket.inet_pton(socket.AF_INET6, a) for a in ("fe80::2", "ff02::1"))
    query = bytes.fromhex("3a00050200000100 82005695 27100000") + bytes(16) + bytes.fromhex("027d0000")
    ip = bytes.fromhex("60000000 0024 0001") + querier + nodes
    for folder in ("neighbour", "frame"):
        yield folder, "mld_query", bytes.fromhex("333300000001") + client + bytes.fromhex("86dd") + ip + query
    header = bytes.fromhex("90600001 00000002 00000003")
    for number, block in enumerate(("bede0001 f3aabbcc", "bede0002 00100a20 bb0203aa", "10000001 01000000",
                                    "100f0002 ff02aabb 00000105", "12340001 00000000", "bedeffff", "bede0000")):
        yield "rtp", f"extension_{number}", header + bytes.fromhex(block)
    for number, compound in enumerate((
            "82ca0004 00000007 02016100 00000008 01016200", "8fcd0005 00000001 00000002 00010002 00000300 20020000",
            "a0c90002 00000001 00000004", "8fce0004 00000001 00000000 52454d42 01ffffff",
            "81cb0002 00000005 03627965", "80cf0001 00000001", "81cd0003 00000001 00000002 fffeffff")):
        yield "rtcp", f"odd_{number}", bytes.fromhex(compound)
    for number, attributes in enumerate(("70010004 00000000", "00250000", "8022000361626300", "001c0020" + 32 * "00",
                                         "80290008 0000000000000001", "0006000161000000", "0024000401020304")):
        body = bytes.fromhex(attributes)
        head = struct.pack("!HHI", 1, len(body) + 32, 0x2112A442) + bytes(12)
        tail = bytes.fromhex("00080014") + bytes(20) + bytes.fromhex("80280004") + bytes(4)
        yield "stun", f"attribute_{number}", head + body + tail


def keep(name, frame, twin):
    (FOLDER / f"{name}.bin").write_bytes(frame)
    (FOLDER / f"{name}.txt").write_text("\n".join(twin) + "\n")
    print(f"{name}: {len(frame)} bytes")


def seed(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.bin").write_bytes(data)


def main():
    tap = open_tap()
    ways = [(4, None, 0), (6, 5, 0), (4, 5, 46 << 2), (6, None, 0)]
    makers = (("stun", stun_packets), ("rtp", rtp_packets), ("rtcp", rtcp_packets), (None, other_packets))
    number = 0
    for target, maker in makers:
        for name, payload, twin in maker():
            family, vlan, tos = ways[number % len(ways)]
            number += 1
            frame = frame_of(tap, payload, family, vlan, tos)
            keep(name, frame, udp_twin(payload, family, vlan, tos) + twin)
            seed("frame", name, frame)
            if target:
                seed(target, name, payload)
    for name, frame, twin in link_frames(tap):
        keep(name, frame, twin)
        seed("frame" if name == "fragment" else "neighbour", name, frame)
    for target, name, data in odd_seeds():
        seed(target, name, data)


if __name__ == "__main__":
    main()
