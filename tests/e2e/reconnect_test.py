#!/usr/bin/python3
"""Publishers come and go, die and come back, and the daemons with them; a player stays. It is told of no new SSRC, as
many clients cannot be: its streams go on under the numbers that they have, and none comes twice under the same keys."""

import asyncio
import http.client
import subprocess
import sys
import time

from control_time import at_most
from lab import HTTP_PORT, Lab, check, dies_with_us, need, run, token
from whip import Player, Publisher, eventually

SECONDS = 3  # within which a player that stayed sees who came back
CLOCK_HZ = {"audio": 48000, "video": 90000}


def ahead(before, after):
    """Timestamps are of 32 bits."""
    return (after - before + (1 << 31) & 0xffffffff) - (1 << 31)


class Elsewhere(Lab):
    """The relay, for a process of another."""

    def __init__(self, host, subject):
        self.host, self.subject = host, subject

    def connection(self):
        return http.client.HTTPConnection(self.host, HTTP_PORT, timeout=10)

    def call(self, method, path, body=None, headers=None, bearer=True):
        return super().call(method, path, body, headers, token(subject=self.subject))


async def publish(host, room, subject):
    publisher = await Publisher(Elsewhere(host, subject), room).start()
    print(publisher.id, flush=True)
    await asyncio.sleep(3600)


class Mortal:
    """A publisher in a process of its own, to be killed as its machine would be."""

    def __init__(self, lab, room, subject=""):
        words = ["/usr/bin/python3", __file__, "publish", lab.net.relay_kernel["4"], room, subject]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=dies_with_us)
        self.id = self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait(10)


class Witness(Player):
    """Notes every packet before anything is made of it."""

    def __init__(self, lab, room, name="Witness"):
        super().__init__(lab, room, name)
        self.packets = {"audio": [], "video": []}  # (SSRC, number, timestamp, when)
        for transceiver in self.connection.getTransceivers():
            self.watch(transceiver.receiver, transceiver.kind)

    def watch(self, receiver, kind):
        handle = receiver._handle_rtp_packet

        async def note(packet, arrival_time_ms):
            self.packets[kind].append((packet.ssrc, packet.sequence_number, packet.timestamp, time.monotonic()))
            await handle(packet, arrival_time_ms)

        receiver._handle_rtp_packet = note

    def check_continuity(self, kind, gap_max=1):
        """One stream, whose numbers follow each other; or whose gaps are at most what a restart skips."""
        packets = self.packets[kind]
        ssrcs = {ssrc for ssrc, *_ in packets}
        check(len(ssrcs) == 1, f"{kind}: {len(packets)} packets of {len(ssrcs)} SSRC")
        gaps = sorted({(b[1] - a[1]) & 0xffff for a, b in zip(packets, packets[1:])})
        check(gaps[0] == 1 and gaps[-1] <= gap_max, f"... their numbers go up by {gaps[0]} to {gaps[-1]}")

    def check_time(self, kind, since):
        """Over the longest pause after `since`, timestamps went on by about the time that passed. How far both are apart
        between other packets is what this machine makes of it."""
        packets = [p for p in self.packets[kind] if p[3] > since - 1]
        steps = sorted((b[3] - a[3], ahead(a[2], b[2]) / CLOCK_HZ[kind]) for a, b in zip(packets, packets[1:]))
        passed, told = steps.pop()
        usual = max(abs(passed - told) for passed, told in steps)
        at_most(abs(passed - told), 0.7, usual, f"{kind}: over {passed:.2f} s timestamps went on by {told:.2f} s", times=2)


async def plays(player, what, seconds=10, more=3):
    """Until `more` pictures have come; how long that took."""
    before, started = player.picture_count, time.monotonic()
    await eventually(lambda: player.picture_count >= before + more, seconds, what)
    return time.monotonic() - started


def played_by(lab, room, player):
    path = f"/v1/rooms/{room}/participants/{player.id}/subscriptions"
    return {each["participant"] for each in lab.call("GET", path).json["subscriptions"]}


async def killed_and_back(lab, room, subject):
    dead = Mortal(lab, room, subject)
    stayed = await (await Witness(lab, room).start()).connected()
    await plays(stayed, "the first publisher's pictures")
    killed = time.monotonic()
    dead.kill()
    await asyncio.sleep(2)
    back = Mortal(lab, room, subject)
    took = await plays(stayed, "pictures of who came back", SECONDS, more=1)
    print(f"who was killed and posted again 2 s later is seen {took:.2f} s after its POST")
    late = await (await Player(lab, room).start()).connected()
    await plays(late, "a new player's pictures")
    for player, name in ((stayed, "the player that stayed"), (late, "a new player")):
        check(played_by(lab, room, player) == {back.id}, f"{name} has the tracks of who lives")
    await plays(stayed, "more pictures", more=20)
    for kind in ("audio", "video"):
        stayed.check_continuity(kind)
        stayed.check_time(kind, killed)
    names = {p["id"] for p in lab.participants(room)}
    check((dead.id in names) == (subject == ""), f"the session of who was killed {'is over' if subject else 'has its 30 s'}")
    back.kill()
    for player in (stayed, late):
        await player.end()


async def daemons_meanwhile(lab, room):
    """Between two publishers a stream has no track; how far its index was used must not be forgotten then."""
    first = await (await Publisher(lab, room).start()).connected()
    player = await (await Witness(lab, room).start()).connected()
    await plays(player, "the first publisher's pictures")
    await first.end()
    await asyncio.to_thread(lab.dataplane.kill)
    await asyncio.to_thread(lab.start_dataplane)
    second = await (await Publisher(lab, room).start()).connected()
    await plays(player, "pictures after a restart of the dataplane")
    await second.end()
    await asyncio.to_thread(lab.control.kill)
    await asyncio.to_thread(lab.start_control)
    third = await (await Publisher(lab, room).start()).connected()
    await plays(player, "pictures after a restart of penstockd")
    await plays(player, "more pictures", more=20)
    check(player.connection.connectionState == "connected", "the player has the connection that it had")
    for kind in ("audio", "video"):
        player.check_continuity(kind, gap_max=1024)
    await third.end()
    await player.end()
    await eventually(lambda: not lab.tables()["subscriptions"], 5, "no row of a subscription is left")


async def reconnects(lab):
    await killed_and_back(lab, "named", "ada")
    await killed_and_back(lab, "nameless", "")
    await daemons_meanwhile(lab, "daemons")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


if sys.argv[1:2] == ["publish"]:
    asyncio.run(publish(*sys.argv[2:]))
need()
run(lambda lab: asyncio.run(reconnects(lab)), families="4", settings="[dataplane]\nworkers = 0-1\n")
