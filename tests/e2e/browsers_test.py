#!/usr/bin/python3
"""Three Chromium pages in one room, through the DPDK port: `browsers_test.py 4` or `6` for the family of the media; a
second argument names the cores of the workers.

All six audio and six video legs flow (for 20 s over IPv4) without loss, a fourth page that joins late sees each picture within 1 s
(see control_time.py),
screen sharing, mute, unsubscribe, leave and kick do what they say, and no socket of the relay's namespace carried any of it.
"""

import sys
import time

from browser import Browser, all_of
from conference import (LEGS, PAIR, first_pictures, growth, in_room, legs, open_page, own_id, own_track, picture_rate, wait_for_legs)
from control_time import Control, at_least, at_most
from lab import check, grown, need, run, wait_until

ROOM = "browsers"
SECONDS = {"4": 20, "6": 8}  # by family: the same is to be seen of both, the long look is taken once
FPS_MIN = 10
LATE_MS = 1000


def three_talk(lab, pages):
    wait_for_legs(pages, 4)
    for page, pair in zip(pages, all_of(pages, f"{PAIR}(penstock.subscribeConnection)")):
        check(pair["remote"] == lab.net.relay_media[lab.families], f"{page.name}: media comes from {pair['remote']}, {pair['srtp']}")
    control = Control(pages[0])
    udp_before, counters_before = lab.net.udp_counters(), lab.counters()
    control.begin()
    before = all_of(pages, LEGS)
    time.sleep(SECONDS[lab.families])
    after = all_of(pages, LEGS)
    usual = control.figures()
    control.end()
    counters, udp = grown(counters_before, lab.counters()), grown(udp_before, lab.net.udp_counters())
    kinds, arrived = {"audio": 0, "video": 0}, 0
    for page, b, a in zip(pages, before, after):
        for leg in growth(b, a).values():
            kinds[leg["kind"]] += 1
            arrived += leg["packets"]
            what = f"{page.name} gets {leg['from']}'s {leg['kind']}: {leg['packets']} packets, "
            if leg["kind"] == "video":
                at_least(picture_rate(leg), FPS_MIN, usual["fps"], what + f"{picture_rate(leg):.1f} frames/s", times=2)
            else:
                what += f"energy {leg['energy']:.4f}"
                check(leg["energy"] > 0, what)
            check(leg["lost"] == 0, "... and lost none")
    check(kinds == {"audio": 6, "video": 6}, f"six audio and six video legs: {kinds}")
    sent = counters.get("media_sent", 0)
    check(sent >= arrived, f"the relay sent {sent} media packets, of which {arrived} arrived")
    unsignalled = counters.get("rtp_ssrc_unsignalled", 0)
    check(unsignalled == 0, f"every SSRC was signalled ({unsignalled} packets were not)")
    check(not udp, f"sockets of the relay's namespace moved no datagram meanwhile: {udp or 'all counters stand still'}")
    drops = {k: v for k, v in counters.items() if k.startswith(("send_", "rtp_", "srtp_", "rtcp_", "srtcp_", "stun_"))}
    print(f"dropped meanwhile: {drops or 'nothing'}")


def late_page(lab, browser, pages):
    page = open_page(lab, browser, ROOM, "Late")
    times = first_pictures(page, 3)
    control = Control(page, pictures=3)
    control.end()
    pictures = ", ".join(f"{ms:.0f}" for ms in times["pictures_ms"])
    at_most(max(times["pictures_ms"]), LATE_MS, max(control.pictures_ms),
            f"a late page decodes each of 3 pictures soon after its receiving connection was connected: {pictures} ms; "
            f"connecting took {times['joining_ms']:.0f} ms")
    wait_for_legs([*pages, page], 6)
    return page


def shares_screen(alice, bob, carol):
    """The button of the page; the browser's fake display has a picture and a sound."""
    for turn in ("", " again"):
        alice.evaluate("document.getElementById('control-screen').click()")
        wait_for_legs([bob, carol], 6)
        track = own_track(alice, "screen")
        check(moves(bob, track, "video") and moves(carol, track, "video"), f"Alice shares her screen{turn}, and the others see it")
        shown = bob.evaluate("document.querySelectorAll('video').length")
        alice.evaluate("document.getElementById('control-screen').click()")
        wait_until(lambda: len(legs(bob)) == 4 and len(legs(carol)) == 4, 5, "the others' pages drop it")
        wait_until(lambda: own_track(alice, "screen") is None, 5, "Alice's page knows")
        check(True, f"... {shown} pictures on Bob's page; then Alice stops")


def stands_still(page, track, seconds=2.0, settle=1.0):
    """Whether nothing of a track arrives any more, after what was under way: on a busy machine that takes a while."""
    time.sleep(settle)
    for _ in range(3):
        before = legs(page).get(track)
        if before is None:
            return True
        time.sleep(seconds)
        after = legs(page).get(track)
        if after is None or (after["packets"] == before["packets"] and after["frames"] == before["frames"]):
            return True
    return False


def moves(page, track, what):
    key = "frames" if what == "video" else "packets"
    start = legs(page).get(track, {}).get(key, 0)
    wait_until(lambda: legs(page).get(track, {}).get(key, 0) > start + 5, 10, f"{what} of {track} reaches {page.name}")
    return True


def told(page, track, what):
    """What a page knows of a track."""
    return page.evaluate(f"penstock.participants().flatMap((p) => p.tracks).find((t) => t.id === '{track}')?.{what}")


def mutes(lab, alice, bob, carol):
    for source, kind in (("microphone", "audio"), ("camera", "video")):
        track = own_track(alice, source)
        check(alice.evaluate(f"(async () => {{ await penstock.mute('{track}', true); return true }})()"), f"Alice mutes her {source}")
        check(stands_still(bob, track) and stands_still(carol, track, 1, 0), "... and the others get nothing of it")
        wait_until(lambda: told(bob, track, "muted") is True, 5, "Bob's page is told")
        check(True, "... and are told")
        alice.evaluate(f"(async () => {{ await penstock.mute('{track}', false); return true }})()")
        track = wait_until(lambda: own_track(alice, source), 5, f"Alice publishes her {source} again")
        check(moves(bob, track, kind) and moves(carol, track, kind), "... and get it again when she unmutes it")
    track = own_track(bob, "camera")
    response = lab.call("PATCH", f"/v1/rooms/{ROOM}/tracks/{track}", {"muted": True})
    check(response.status in (200, 204), f"a moderator mutes Bob's camera through the API: {response.status}")
    check(stands_still(alice, track), "... and Alice gets nothing of it")
    response = lab.call("PATCH", f"/v1/rooms/{ROOM}/tracks/{track}", {"muted": False})
    check(response.status in (200, 204), "... the moderator allows it again")
    wait_until(lambda: told(bob, track, "muted_by_moderator") is False, 5, "Bob's page is told")
    bob.evaluate(f"(async () => {{ await penstock.mute('{track}', false); return true }})()")
    check(moves(alice, own_track(bob, "camera"), "video"), "... and with Bob's own will Alice sees it again")


def unsubscribes(alice, bob, carol):
    track = own_track(carol, "camera")
    alice.evaluate(f"penstock.unsubscribe(['{track}'])")
    check(stands_still(alice, track), "Alice unsubscribes from Carol's camera and gets nothing of it")
    check(moves(bob, track, "video"), "... Bob still gets it")
    alice.evaluate(f"penstock.subscribe(['{track}'])")
    check(moves(alice, track, "video"), "... Alice gets it again when she subscribes")


def goes(lab, others, page, what):
    id = own_id(page)
    tracks = [own_track(page, s) for s in ("microphone", "camera")]
    what()
    wait_until(lambda: page.evaluate("penstock.state.phase") == "ended", 5, f"{page.name}'s page ends")
    wait_until(lambda: not any(p["id"] == id for p in lab.participants(ROOM)), 5, f"{page.name} is no participant any more")
    for other in others:
        wait_until(lambda: id not in other.evaluate("penstock.participants().map((p) => p.id)"), 5, f"{other.name} sees that")
        check(all(stands_still(other, track, 0.5, 0.3) for track in tracks), f"... {other.name} gets nothing from {page.name}")
    return page.evaluate("[penstock.state.ended.code, document.getElementById('ended-title').textContent,"
                         " !document.getElementById('ended').hidden]")


def test(lab):
    with Browser(lab.url) as browser:
        pages = [open_page(lab, browser, ROOM, name) for name in ("Alice", "Bob", "Carol")]
        for page in pages:
            wait_until(lambda: in_room(page), 10, f"{page.name} is in the room")
        three_talk(lab, pages)
        late = late_page(lab, browser, pages)
        code, title, shown = goes(lab, pages, late, lambda: late.evaluate("penstock.leave()"))
        check(shown, f"Late leaves; the page says: {title}")
        shares_screen(*pages)
        mutes(lab, *pages)
        unsubscribes(*pages)
        alice, bob, carol = pages
        id = own_id(carol)
        code, title, shown = goes(lab, [alice, bob], carol,
                                  lambda: lab.call("DELETE", f"/v1/rooms/{ROOM}/participants/{id}"))
        check(code == "kicked" and shown, f"Carol is kicked; her page says: {title}")
        check(moves(alice, own_track(bob, "camera"), "video"), "Alice and Bob go on")
    check(lab.counters()["dtls_source_unvalidated"] == 0, "no DTLS came before the address it came from was known")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need("chromium")
run(test, families=sys.argv[1] if len(sys.argv) > 1 else "4",
    settings=f"[dataplane]\nworkers = {sys.argv[2]}\n" if len(sys.argv) > 2 else "")
