#!/usr/bin/python3
"""Four browsers in a room of last_n = 1 and loudest = 1: who talks is dominant, seen and heard by the others, and whoever
did before is not sent. It goes on while penstockd is dead.
"""

import time

from browser import Browser, all_of
from conference import LEGS, growth, in_room, open_page, own_id, own_track
from lab import Failed, check, need, run, wait_until

ROOM = "speakers"
NAMES = ("Alice", "Bob", "Carol", "Dave")

# A voice instead of the microphone: a tone in syllables over a noise, or the noise alone. `talk(true)` begins.
VOICE = """(() => {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const tone = context.createOscillator(), loudness = context.createGain();
  tone.frequency.value = 220;
  loudness.gain.value = 0.0005;
  tone.connect(loudness).connect(out);
  tone.start();
  let talking = false, step = 0;
  setInterval(() => {
    step = (step + 1) % 5;
    loudness.gain.value = !talking ? 0.0005 : step ? 0.6 : 0.08;
  }, 50);
  window.talk = (on) => { talking = on; };
  const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted.video) for (const track of (await original({ video: wanted.video })).getTracks()) stream.addTrack(track);
    if (wanted.audio) stream.addTrack(out.stream.getAudioTracks()[0].clone());
    return stream;
  };
})()"""

TILES = """Object.fromEntries([...document.querySelectorAll('.tile')].map((tile) => [tile.dataset.participant,
    { held: tile.classList.contains('held'), dominant: tile.classList.contains('dominant'),
      picture: !tile.querySelector('video').hidden, large: Boolean(tile.closest('#stage')) }]))"""


def coming(pages, seconds=1.0):
    """By page: whose pictures and whose sound come to it."""
    before = all_of(pages, LEGS)
    time.sleep(seconds)
    after = all_of(pages, LEGS)
    seen = [{leg["from"] for leg in growth(b, a).values() if leg["kind"] == "video" and leg["frames"] > 0}
            for b, a in zip(before, after)]
    heard = [{leg["from"] for leg in growth(b, a).values() if leg["kind"] == "audio" and leg["packets"] > 2}
             for b, a in zip(before, after)]
    return seen, heard


def talks(pages, who):
    all_of(pages, "void talk(false)")
    who.evaluate("void talk(true)")
    return time.monotonic()


def is_seen_and_heard(pages, who, before):
    """By everybody else; `before` is what the one who talks sees."""
    others = [page for page in pages if page is not who]

    def only_this():
        seen, heard = coming(pages, 0.5)
        for page, pictures, sounds in zip(pages, seen, heard):
            expected = before if page is who else who.name
            if pictures != {expected} or (page is not who and sounds != {who.name}) or (page is who and sounds):
                return False
        return True

    try:
        wait_until(only_this, 8, f"only {who.name} is seen and heard", every=0)
    except Failed:
        print(*zip([page.name for page in pages], *coming(pages)), sep="\n")
        raise
    return others


def test_turns(pages, ids):
    before = None
    for who in (pages[2], pages[0], pages[3], pages[2]):
        began = talks(pages, who)
        others = [page for page in pages if page is not who]
        wait_until(lambda: set(all_of(others, "penstock.state.dominant")) == {ids[who.name]}, 6, f"{who.name} is dominant")
        took = time.monotonic() - began
        if before:
            is_seen_and_heard(pages, who, before.name)
        check(True, f"{who.name} is dominant after {1000 * took:.0f} ms" + (", and alone seen and heard" if before else ""))
        before = who
    return before


def test_tiles(pages, ids, who):
    page = pages[1]
    wait_until(lambda: page.evaluate(TILES).get(ids[who.name], {}).get("picture"), 4, "her tile has a picture")
    expected = {ids[who.name], ids[page.name]}
    wait_until(lambda: {id for id, tile in page.evaluate(TILES).items() if tile["picture"]} == expected, 4, "pictures of no others")
    tiles = page.evaluate(TILES)
    check(True, "the tiles of others show who they are instead of a frozen picture")
    check(all(tile["held"] != tile["picture"] for tile in tiles.values()), "they are said not to be sent")
    check(tiles[ids[who.name]]["dominant"] and tiles[ids[who.name]]["large"], f"{who.name}'s is marked, and large")


def test_pin(pages, who):
    page, pinned = pages[1], next(p for p in pages if p not in (pages[1], who))
    page.evaluate(f"penstock.wish('{own_track(pinned, 'camera')}', {{ pinned: true }})")
    wait_until(lambda: coming([page], 0.5)[0][0] == {who.name, pinned.name}, 6, "a pinned picture is sent besides", every=0)
    page.evaluate(f"penstock.wish('{own_track(pinned, 'camera')}', {{ pinned: false }})")
    wait_until(lambda: coming([page], 0.5)[0][0] == {who.name}, 6, "it is not sent any more", every=0)
    check(True, f"{pinned.name} is seen while pinned")


def test_without_control(lab, pages, ids, before):
    lab.control.kill()
    who = pages[1]
    talks(pages, who)
    is_seen_and_heard(pages, who, before.name)
    check(True, f"without penstockd, {who.name} is seen and heard")
    lab.start_control()
    others = [page for page in pages if page is not who]
    wait_until(lambda: all(all_of(pages, "penstock.state.signalling.up")), 20, "the pages resume their WebSockets")
    wait_until(lambda: set(all_of(others, "penstock.state.dominant")) == {ids[who.name]}, 4, "it is told when penstockd is back")
    wait_until(lambda: all(n == 2 for n in all_of(pages, "penstock.state.held.size")), 6, "and what is held")
    stats = lab.call("GET", f"/v1/rooms/{ROOM}/stats").json
    speakers = {each["name"]: each["speaker"] for each in stats["participants"]}
    check([name for name, speaker in speakers.items() if speaker["dominant"] or speaker["loud"]] == [who.name],
          "the API knows who speaks")
    check(speakers[before.name]["order"] == 1, "and who did before")
    held = [s["held"] for each in stats["participants"] for s in each["subscriptions"] if "held" in s]
    check(sum(held) == len(pages) * 2, "and which pictures are held")


def test_settings(lab, pages, who):
    lab.call("PATCH", f"/v1/rooms/{ROOM}", {"last_n": None, "loudest": 0})
    everybody = [set(NAMES) - {page.name} for page in pages]
    wait_until(lambda: coming(pages) == (everybody, everybody), 8, "without limits all are seen and heard", every=0)
    check(True, "without limits all are seen and heard")
    who.evaluate("penstock.lastN(0)")
    wait_until(lambda: coming([who], 0.5)[0] == [set()], 4, "a participant may ask for less", every=0)
    check(True, "a participant may ask for less")


def test(lab):
    check(lab.call("POST", "/v1/rooms", {"name": ROOM, "last_n": 1, "loudest": 1}).status == 201, "a room of one picture")
    with Browser(lab.url) as browser:
        pages = [open_page(lab, browser, ROOM, name, VOICE, capture="320x240@8") for name in NAMES]
        for page in pages:
            wait_until(lambda: in_room(page), 10, f"{page.name} is in the room")
        ids = {page.name: own_id(page) for page in pages}
        wait_until(lambda: all(n == 6 for n in all_of(pages, "penstock.state.received.size")), 15, "all receive six tracks")
        before = test_turns(pages, ids)
        test_tiles(pages, ids, before)
        test_pin(pages, before)
        test_without_control(lab, pages, ids, before)
        test_settings(lab, pages, pages[3])
    counters = lab.counters()
    check(counters["rtp_not_loudest"] > 0, f"{counters['rtp_not_loudest']} packets of others than the loudest")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need("chromium")
run(test, families="4")
