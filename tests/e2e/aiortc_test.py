#!/usr/bin/python3
"""Another implementation of WebRTC: aiortc publishes a known pattern by WHIP and plays it by WHEP; what is seen and heard
is compared with what was drawn and hummed, and the session's URL, entity tag and PATCH do as RFC 9725 says."""

import asyncio
import sys

from lab import check, need, run, wait_until
from pattern import COLOUR_TOLERANCE, TONE_HZ, colour_error, loudest_hz, read_number
from whip import Player, Publisher, eventually, stands_still

ROOM = "pattern"
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
SECONDS = 10


async def content(publisher, player):
    await eventually(lambda: player.picture_count > 0, 10, "the first picture")
    count, drawn = player.picture_count, publisher.pictures.number
    await asyncio.sleep(SECONDS)
    count, drawn = player.picture_count - count, publisher.pictures.number - drawn
    # Of what was drawn: on a busy machine that is less than 15 a second.
    check(count >= 0.9 * drawn, f"{count / SECONDS:.1f} pictures a second of {drawn / SECONDS:.1f} that were drawn")
    pictures = [frame.to_ndarray(format="rgb24") for frame in player.pictures]
    worst = max(map(colour_error, pictures))
    check(worst < COLOUR_TOLERANCE, f"{len(pictures)} pictures have the colours that were drawn, within {worst:.0f} of 255")
    numbers = [read_number(picture) for picture in pictures]
    check(all(b - a == 1 for a, b in zip(numbers, numbers[1:])), f"their numbers follow each other: {numbers[0]} to {numbers[-1]}")
    hz, purity = loudest_hz(player.samples()[-48000:])
    check(abs(hz - TONE_HZ) < 5 and purity > 0.9, f"the tone has {hz:.0f} Hz and {100 * purity:.0f} % of the energy")
    for kind in ("audio", "video"):
        statistics = await player.statistics(kind)
        check(statistics["lost"] == 0, f"{kind}: {statistics['packets']} packets, none lost")


def figures(lab):
    """What penstockd counts of its own work; it tells once a second."""
    for table, rows in (("transport", 2), ("track", 2), ("subscription", 2)):
        name = f'penstock_rows_written_total{{table="{table}"'
        wait_until(lambda: lab.metric(name) >= rows, 3, f"/metrics tells of {rows} or more rows written of kind {table}")
    check(lab.metric("penstock_store_writes_total") >= 3, "/metrics tells of a room and two participants written to the store")
    check(lab.metric('penstock_dtls_handshakes_total{result="done"') == 2, "/metrics tells of two DTLS handshakes")


async def session_url(peer):
    """What may be done with a session besides ending it."""
    ufrag, pwd = peer.connection.localDescription.sdp.split("a=ice-ufrag:")[1].split()[0], "x" * 24
    same = f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n"
    other = same.replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:another1")

    async def patch(body, **headers):
        return await peer.call("PATCH", peer.location, body, {**FRAGMENT, **{k.replace("_", "-"): v for k, v in headers.items()}})

    for number, (body, headers, status) in enumerate([
        (same, {}, 428),
        (same, {"If_Match": '"stale"'}, 412),
        ("what is this", {"If_Match": peer.etag}, 400),
        (same, {"If_Match": peer.etag}, 204),
        (same, {"If_Match": peer.etag, "Content_Type": "application/json"}, 415),
    ]):
        response = await patch(body, **headers)
        check(response.status == status, f"PATCH {number}: {response.status}")
    check((await peer.call("GET", peer.location)).status == 204, "GET of the session has no content")
    response = await patch(other, If_Match="*")
    check(response.status == 200 and b"a=ice-pwd:" in response.body, "PATCH with new credentials restarts ICE")
    check(response.headers["ETag"] not in (None, peer.etag), "... and the session has a new entity tag")
    check((await patch(same, If_Match=peer.etag)).status == 412, "... the old one is not good any more")


async def play(lab):
    publisher = await (await Publisher(lab, ROOM).start()).connected()
    player = await (await Player(lab, ROOM).start()).connected()
    await content(publisher, player)
    tracks = lab.call("GET", f"/v1/rooms/{ROOM}/tracks").json["tracks"]
    check(sorted(t["kind"] for t in tracks) == ["audio", "video"], "the API shows one audio and one video track")
    await asyncio.to_thread(figures, lab)
    await session_url(publisher)
    check((await publisher.end()).status == 200, "DELETE ends the publisher's session")
    check((await publisher.call("DELETE", publisher.location)).status == 404, "... and a second DELETE finds none")
    await stands_still(lambda: player.picture_count, 5, "nothing is played any more")
    check((await player.end()).status == 200, "DELETE ends the player's session")
    check(lab.participants(ROOM) == [], "nobody is left")
    tables = lab.tables()
    check(not any(tables.values()), "no row is left")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need()
# Two workers and a port with one queue: the second one's packets come and go through the first.
ONE_QUEUE = {"device": "net_af_packet0,iface=port", "settings": "[dataplane]\nworkers = 0-1\n"}
run(lambda lab: asyncio.run(play(lab)), families="4", **(ONE_QUEUE if sys.argv[1:] == ["one-queue"] else {}))
