#!/usr/bin/python3
"""A room of 200 people with camera and microphone: Chromium joins it, is offered all of their tracks, answers, and stays,
also when some come and go. The others have no media: they are plain transports, made by the API."""

from browser import Browser
from conference import in_room, open_page
from lab import Failed, check, need, run, wait_until

ROOM = "large"
PEOPLE = 200
SECTIONS = """(() => {
  const { penstock } = window;
  const local = penstock.subscribeConnection?.localDescription?.sdp ?? '';
  return { stable: penstock.subscribeConnection?.signalingState === 'stable', up: penstock.state.signalling.up,
           receiving: (local.match(/^a=recvonly/mg) ?? []).length, sections: (local.match(/^m=/mg) ?? []).length,
           bytes: local.length };
})()"""
# What Chromium publishes: the more codecs, the longer the sections.
VIDEO = [("VP8", 96, 97, ""), ("VP9", 98, 99, "profile-id=0"), ("VP9", 100, 101, "profile-id=2"),
         ("H264", 102, 103, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"),
         ("H264", 104, 105, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
         ("H264", 106, 107, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
         ("AV1", 108, 109, "")]


def add_person(lab, number):
    """It sends nothing, and takes nothing."""
    response = lab.call("POST", f"/v1/rooms/{ROOM}/plain-transports", {
        "name": f"Person {number}", "remote": {"address": lab.net.client["4"], "port": 20000 + number}, "srtp": None,
        "publish": [
            {"ssrc": 1, "codecs": [{"name": "opus", "payload_type": 111}]},
            {"ssrc": 2, "rtx_ssrc": 3, "codecs": [{"name": name, "payload_type": type, "rtx_payload_type": rtx, "fmtp": fmtp}
                                                  for name, type, rtx, fmtp in VIDEO]}]})
    if response.status != 201:
        raise Failed(f"person {number} does not get in: {response}")
    return response.headers["Location"]


def everything(lab):
    with Browser(lab.url) as browser:
        people = [add_person(lab, number) for number in range(PEOPLE - 1)]
        page = open_page(lab, browser, ROOM, "Chromium")
        wait_until(lambda: in_room(page), 20, "the page is in the room")

        def settled(receiving):
            seen = page.evaluate(SECTIONS, timeout=60)
            if not seen["up"]:
                raise Failed("the page's WebSocket is closed")
            return seen if seen["stable"] and seen["receiving"] == receiving else None

        seen = wait_until(lambda: settled(2 * len(people)), 60, "the page has answered an offer of all tracks", every=1)
        check(True, f"{seen['receiving']} tracks of {len(people)} people are received, in {seen['sections']} sections; "
              f"the answer has {seen['bytes'] // 1024} KiB")
        mine = next(p for p in lab.participants(ROOM) if p["name"] == "Chromium")
        for location in people[:3]:
            lab.call("DELETE", location)
        del people[:3]
        seen = wait_until(lambda: settled(2 * len(people)), 60, "three have left", every=1)
        people += [add_person(lab, PEOPLE + number) for number in range(3)]
        again = wait_until(lambda: settled(2 * len(people)), 60, "three others have come", every=1)
        check(again["sections"] == seen["sections"], f"they have the sections of those who left: {again['sections']}")
        after = next(p for p in lab.participants(ROOM) if p["name"] == "Chromium")
        check(after["id"] == mine["id"], "the page is who it was: its socket was never closed")
        path = f"/v1/rooms/{ROOM}/participants/{mine['id']}/subscriptions"


        def active():
            return sum(each["active"] for each in lab.call("GET", path).json["subscriptions"])

        # The page is settled when it has set its answer, which is on its way then.
        wait_until(lambda: active() == 2 * len(people), 20, "the relay forwards all to it")
        check(True, f"the relay forwards {active()} tracks to it")


need("chromium")
run(everything, families="4")
