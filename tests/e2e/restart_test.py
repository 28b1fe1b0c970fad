#!/usr/bin/python3
"""Either daemon dies by `kill -9` in the middle of a conference of three browsers.

penstockd: for 60 s nobody notices; it comes back, resumes its participants, and a new page joins the old room. The
dataplane: it comes back with the same rows and keys; how long media was away is measured in the pages. Rates and times are
judged beside what the machine manages in the same moment: see control_time.py.
"""

import time

from browser import Browser, all_of
from conference import LEGS, growth, in_room, open_page, picture_rate, wait_for_legs
from control_time import Control, at_least, at_most
from lab import check, grown, need, run, wait_until

ROOM = "restart"
CONSENT_SECONDS = 60
STEP_SECONDS = 10
SENT_MAX_S = 1  # once the dataplane is ready, until it sends media; on a busy machine, no longer than the start took
RESTART_S = 5  # Chromium gives a network so long before it tries another way
CLIENTS_SAY = {"remote", "paused", "pinned", "priority", "width_max", "height_max", "frame_rate_max"}  # in rows: where, and wishes

REMEMBER = "void (window.remembered = [penstock.publishConnection, penstock.subscribeConnection])"
SAME = """penstock.publishConnection === remembered[0] && penstock.subscribeConnection === remembered[1]
    && remembered.every((c) => c.connectionState === 'connected')"""

# The longest time without a packet, by leg, until `look` is false; looks every 20 ms.
GAPS = """(async () => {
  const last = {}, gaps = {};
  window.look = true;
  while (window.look) {
    const stats = await penstock.subscribeConnection.getStats();
    const now = performance.now();
    for (const r of stats.values()) {
      if (r.type !== 'inbound-rtp') continue;
      const before = (last[r.mid] ??= { packets: r.packetsReceived, at: now });
      if (r.packetsReceived === before.packets) continue;
      gaps[r.mid] = Math.max(gaps[r.mid] ?? 0, now - before.at);
      last[r.mid] = { packets: r.packetsReceived, at: now };
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  for (const [mid, { at }] of Object.entries(last)) gaps[mid] = Math.max(gaps[mid] ?? 0, performance.now() - at);
  return gaps;
})"""


def rows(lab):
    """What is programmed, without what clients did since."""
    return {kind: [{k: v for k, v in row.items() if k not in CLIENTS_SAY} for row in table]
            for kind, table in lab.tables().items()}


def slowest_picture(before, after):
    """Frames a second of the leg of which fewest came."""
    return min(picture_rate(leg) for b, a in zip(before, after) for leg in growth(b, a).values() if leg["kind"] == "video")


def usual_rate(pages, seconds=4):
    """What these cores manage with so many pages encoding and decoding: what later rates are held against."""
    before = all_of(pages, LEGS)
    time.sleep(seconds)
    rate = slowest_picture(before, all_of(pages, LEGS))
    check(rate > 1, f"before it, every page gets at least {rate:.1f} frames/s")
    return rate


def without_control(lab, pages):
    transports = len(lab.tables()["transports"])
    usual, control = usual_rate(pages), Control(pages[0])
    lab.control.kill()
    print("penstockd was killed")
    before = all_of(pages, LEGS)
    for second in range(STEP_SECONDS, CONSENT_SECONDS + 1, STEP_SECONDS):
        counters = lab.counters()
        control.begin()
        time.sleep(STEP_SECONDS)
        after = all_of(pages, LEGS)
        moved = [leg for b, a in zip(before, after) for leg in growth(b, a).values()]
        slowest = slowest_picture(before, after)
        at_least(slowest, usual / 2, control.figures()["fps"],
                 f"after {second} s every page decodes on: at least {slowest:.1f} frames/s", times=2)
        check(len(moved) == 12 and all(leg["packets"] > 0 and leg["lost"] == 0 for leg in moved), "... all 12 legs, none lost")
        checks = grown(counters, lab.counters()).get("checks_answered", 0)
        check(checks >= transports, f"... {checks} ICE checks of {transports} transports were answered")
        before = after
    control.end()
    check(lab.counters()["consents_lost"] == 0, "no transport lost consent")
    addresses = [row["remote"] for row in lab.tables()["transports"]]
    check(all(addresses), f"all {transports} transports have their address")


def control_comes_back(lab, browser, pages):
    before, people = rows(lab), 3
    started = time.monotonic()
    lab.start_control()
    wait_until(lambda: all(all_of(pages, "penstock.state.signalling.up")), 30, "the pages resume their WebSockets")
    print(f"the pages are back {time.monotonic() - started:.1f} s after penstockd's start")
    check(len(lab.participants(ROOM)) == people, "the room has its three participants")
    after = rows(lab)
    check(after == before, "not a row was changed by the restart")
    check(all(all_of(pages, SAME)), "no page made a new connection")
    new = open_page(lab, browser, ROOM, "Dave")
    wait_until(lambda: in_room(new), 10, "a new page joins the old room")
    wait_for_legs([*pages, new], 6)
    check(True, "a new page joins the old room, sees and hears everybody, and they see it")
    pages.append(new)


def dataplane_comes_back(lab, pages):
    all_of(pages, REMEMBER)
    usual, control = usual_rate(pages), Control(pages[0])
    before = rows(lab)
    numbers = [page.post(f"{GAPS}()") for page in pages]
    time.sleep(1)
    killed = time.monotonic()
    lab.dataplane.kill()
    lab.start_dataplane()
    start = time.monotonic() - killed
    sent = lab.counters()["media_sent"]
    wait_until(lambda: lab.counters()["media_sent"] > sent, 10, "the dataplane forwards again", every=0.02)
    # DPDK's start is most of it: how long that takes is the machine's business.
    sending = time.monotonic() - killed
    at_most(sending - start, SENT_MAX_S, start, f"the dataplane was ready in {start:.2f} s, and sent media by {sending:.2f} s", times=1)
    since = lab.counters()
    then = all_of(pages, LEGS)
    wait_until(lambda: all(leg["packets"] > 0 for b, a in zip(then, all_of(pages, LEGS)) for leg in growth(b, a).values()), 5,
               "all legs go on")
    all_of(pages, "void (window.look = false)")
    gaps = [gap / 1000 for page, number in zip(pages, numbers) for gap in page.take(number, 30).values()]
    check(len(gaps) == 24, "all 24 legs go on, of the same connections")
    # Pages that other work holds up see it later than it came.
    print(f"media was away from the pages for {min(gaps):.2f} to {max(gaps):.2f} s, the start included")
    # Addresses are kept in shared memory: nobody has to be checked again before media goes on.
    forgotten = grown(since, lab.counters()).get("rtp_source_unvalidated", 0)
    check(forgotten == 0, f"as soon as it forwards, the dataplane knows all addresses ({forgotten} packets came from others)")
    check(all(all_of(pages, SAME)), "no page made a new connection")
    after = rows(lab)
    if start > RESTART_S:  # pages have restarted ICE meanwhile, as they should
        for row in [*before["transports"], *after["transports"]]:
            row.pop("ufrag")
    changed = [pair for kind in before for pair in zip(before[kind], after[kind]) if pair[0] != pair[1]]
    check(after == before, f"rows and keys are the same{changed or ''}")
    wait_for_legs(pages, 6)
    b = all_of(pages, LEGS)
    control.begin()
    time.sleep(3)
    slowest = slowest_picture(b, all_of(pages, LEGS))
    at_least(slowest, usual / 2, control.figures()["fps"], f"pictures move again: at least {slowest:.1f} frames/s", times=2)
    control.end()
    failed = {k: v for k, v in lab.counters().items() if v and ("authentication" in k or "replayed" in k)}
    print(f"refused packets since: {failed or 'none'}")


def test(lab):
    with Browser(lab.url) as browser:
        pages = [open_page(lab, browser, ROOM, name) for name in ("Alice", "Bob", "Carol")]
        for page in pages:
            wait_until(lambda: in_room(page), 10, f"{page.name} is in the room")
        wait_for_legs(pages, 4)
        all_of(pages, REMEMBER)
        without_control(lab, pages)
        control_comes_back(lab, browser, pages)
        dataplane_comes_back(lab, pages)
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need("chromium")
run(test, families="4")
