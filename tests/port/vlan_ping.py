#!/usr/bin/env python3
# Asks through a packet socket, as kernels without 802.1Q can:
#   vlan_ping.py INTERFACE VLAN SECONDS SOURCE_IPV4 TARGET_IPV4 SOURCE_IPV6 TARGET_IPV6
# Resolves by ARP and neighbour discovery, then sends one echo request each; VLAN 0 is untagged. Waits so
# long for each answer, prints what was answered, and ends with 0 if all was.
import ipaddress
import socket
import struct
import sys
import time

PAYLOAD = b"penstock " * 10


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, target, protocol, payload):
    addresses = source.packed + target.packed
    header = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, addresses)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def icmpv6(source, target, message, hops):
    pseudo = source.packed + target.packed + struct.pack("!II", len(message), 58)
    message = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
    return struct.pack("!IHBB", 6 << 28, len(message), 58, hops) + source.packed + target.packed + message


class Link:
    def __init__(self, interface, vlan, patience_s):
        self.vlan, self.patience_s = vlan, patience_s
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        # The kernel takes received tags out of the frame and hands them over beside it (packet(7)).
        self.socket.setsockopt(263, 8, 1)
        self.socket.bind((interface, 0))
        self.mac = self.socket.getsockname()[4]

    def ask(self, destination, ethertype, payload, is_answer):
        tag = struct.pack("!HH", 0x8100, self.vlan) if self.vlan else b""
        self.socket.send(destination + self.mac + tag + struct.pack("!H", ethertype) + payload)
        end = time.monotonic() + self.patience_s
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, notes, _, sender = self.socket.recvmsg(2048, 256)
            except TimeoutError:
                return None
            vlan = 0
            for _, kind, data in notes:
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data)
                vlan = tci & 0xFFF if kind == 8 and status & 0x10 else 0
            kind = struct.unpack("!H", frame[12:14])[0]
            if sender[2] != socket.PACKET_OUTGOING and vlan == self.vlan and kind == ethertype and is_answer(frame):
                return frame
        return None


def main():
    link = Link(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
    own4, relay4, own6, relay6 = (ipaddress.ip_address(text) for text in sys.argv[4:8])
    answered = []

    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, link.mac, own4.packed, bytes(6), relay4.packed)
    found = link.ask(b"\xff" * 6, 0x806, arp, lambda f: f[20:22] == b"\0\2" and f[28:32] == relay4.packed)
    mac = found[22:28] if found else b"\xff" * 6
    answered.append(found is not None)

    echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + PAYLOAD
    echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
    reply = link.ask(mac, 0x800, ipv4(own4, relay4, 1, echo), lambda f: f[23] == 1 and f[34] == 0 and PAYLOAD in f)
    answered.append(reply is not None and checksum(reply[14:34]) == 0 and checksum(reply[34:34 + len(echo)]) == 0)

    group = ipaddress.ip_address(b"\xff\x02" + bytes(9) + b"\x01\xff" + relay6.packed[-3:])
    solicitation = struct.pack("!BBHI16sBB6s", 135, 0, 0, 0, relay6.packed, 1, 1, link.mac)
    found = link.ask(b"\x33\x33" + group.packed[-4:], 0x86DD, icmpv6(own6, group, solicitation, 255),
                     lambda f: f[54] == 136 and f[62:78] == relay6.packed)
    mac = found[80:86] if found else b"\xff" * 6
    answered.append(found is not None)

    echo = struct.pack("!BBHHH", 128, 0, 0, 7, 1) + PAYLOAD
    reply = link.ask(mac, 0x86DD, icmpv6(own6, relay6, echo, 64), lambda f: f[54] == 129 and PAYLOAD in f)
    answered.append(reply is not None)

    print("answered:", dict(zip(["ARP", "echo", "neighbour discovery", "echo over IPv6"], answered)))
    sys.exit(not all(answered))


main()
