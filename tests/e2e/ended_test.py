#!/usr/bin/python3
"""Who is removed is told so, and stops sending: by DTLS close_notify at once, or, when that is lost or penstockd has
started anew in between, by the answer to the next check (403, RFC 7675 section 5.2). Nothing of theirs is forwarded."""

import asyncio
import time

from lab import PATIENCE, check, need, run, wait_until
from whip import Player, Publisher, eventually

ROOM = "ended"
STOPPED_S = 1  # from the end of the session to the last packet
QUIET_S = 2.5  # as long as this nothing came: it was the last

# Media of a session that is over: its row is still there, or is not.
LATE = ("rtp_keys_missing", "rtp_source_unvalidated", "rtcp_keys_missing", "rtcp_source_unvalidated")


def late(lab):
    counters = lab.counters()
    return sum(counters[name] for name in LATE)


async def last_packet(lab, end):
    """Seconds from the end of a session, which `end` causes, to the last packet of its client; and the packets."""
    before = seen = await asyncio.to_thread(late, lab)
    await end()
    begin = last = time.monotonic()
    while time.monotonic() - last < QUIET_S and time.monotonic() - begin < 60:
        await asyncio.sleep(0.02)
        now = await asyncio.to_thread(late, lab)
        if now != seen:
            seen, last = now, time.monotonic()
    return last - begin, seen - before


async def publisher_of(lab, room):
    publisher = await (await Publisher(lab, room).start()).connected()
    player = await (await Player(lab, room).start()).connected()
    await eventually(lambda: player.picture_count > 0, 10, "a picture is played")
    return publisher, player


async def ends(lab, what, path_of, status):
    room = f"{ROOM}-{what.split()[0]}"
    publisher, player = await publisher_of(lab, room)

    async def end():
        response = await publisher.call("DELETE", path_of(room, publisher))
        check(response.status == status, f"{what}: {response.status}")

    seconds, packets = await last_packet(lab, end)
    check(seconds < PATIENCE * STOPPED_S, f"{what}: the publisher's last packet came {1000 * seconds:.0f} ms later, {packets} in all")
    count = player.picture_count
    await asyncio.sleep(0.5)
    check(player.picture_count == count, "... and nothing is played")
    await player.connection.close()
    await publisher.connection.close()


async def after_restart(lab):
    """The DTLS association went with the process that had it: a check is answered by what there is to say."""
    publisher, player = await publisher_of(lab, ROOM)
    await asyncio.to_thread(lab.control.stop)
    await asyncio.to_thread(lab.start_control)
    refused = lab.counters()["checks_refused"]
    response = await publisher.call("DELETE", f"/v1/rooms/{ROOM}/participants/{publisher.id}")
    check(response.status == 204, f"kicked after a restart of penstockd: {response.status}")
    await eventually(lambda: lab.counters()["checks_refused"] > refused, 10, "its next check is answered with 403", every=0.5)
    check(lab.tables()["tracks"] == [], "no track of it is left")
    await publisher.connection.close()
    await player.connection.close()


async def test(lab):
    await ends(lab, "kicked", lambda room, who: f"/v1/rooms/{room}/participants/{who.id}", 204)
    await ends(lab, "room closed", lambda room, who: f"/v1/rooms/{room}", 204)
    await ends(lab, "session deleted", lambda room, who: who.location, 200)
    await after_restart(lab)
    await asyncio.to_thread(wait_until, lambda: not any(lab.ctl("tables").values()), 30, "their rows are free again in the end")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need()
run(lambda lab: asyncio.run(test(lab)), families="4")
