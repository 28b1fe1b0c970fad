#!/usr/bin/python3
"""Somebody writes nonsense into the tables region while penstockd is stopped (SIGSTOP): each act is counted by its own
name and skipped, and media flows on as if nothing had happened. Then penstockd comes back and mends the tables."""

import asyncio
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from lab import BUILD, Failed, check, command, grown, need, run  # noqa: E402
from whip import Player, Publisher, eventually  # noqa: E402

# What is done, which counters tell it, and by how much at least.
ACTS = [
    ("doorbells-beyond", "row_index_out_of_range", 9),
    ("doorbells-of-no-kind", "row_invalid", 3),
    ("references-beyond", "row_index_out_of_range", 2),
    ("generations-over", "row_generation_wrong", 2),
    ("torn-rows", "row_torn", 3),
    ("torn-in-use", "row_torn", 1),
    ("garbage-rows", "row_invalid row_index_out_of_range", 192),
    ("names-taken", "row_ufrag_taken", 1),
    ("injects-to-nobody", "injects_refused", 4),
    ("inject-cursor-absurd", "doorbell_cursor_absurd", 1),
    ("doorbell-cursor-absurd", "doorbell_cursor_absurd", 1),
    ("taken-cursors-absurd", None, 0),
]


async def flows(players, since, seconds=1.0):
    """That each player got packets of each track and lost none."""
    await asyncio.sleep(seconds)
    for player, before in zip(players, since):
        for kind in ("audio", "video"):
            now = await player.statistics(kind)
            if now["packets"] <= before[kind]["packets"] or now["lost"] != 0:
                raise Failed(f"{player.name}: {kind} went from {before[kind]} to {now}")
    return True


async def state(players):
    return [{kind: await player.statistics(kind) for kind in ("audio", "video")} for player in players]


def used_rows(lab):
    return {kind: [{k: v for k, v in row.items() if k != "remote"} for row in rows] for kind, rows in lab.tables().items()}


async def play(lab):
    publishers, players = [], []
    for room in ("one", "two"):
        publishers.append(await (await Publisher(lab, room, f"Publisher of {room}").start()).connected())
        players.append(await (await Player(lab, room, f"Player of {room}").start()).connected())
    for player in players:
        await eventually(lambda: player.picture_count > 5 and player.sound_count > 5, 15, f"{player.name} plays")
    right = used_rows(lab)
    lab.control.signal(signal.SIGSTOP)
    for act, counter, count in ACTS:
        before, packets = lab.counters(), await state(players)
        result = command(str(BUILD / "tests/fault/garble_rows"), str(lab.directory), act, check=False)
        if result.returncode != 0:
            raise Failed(f"garble_rows {act}: {result.stderr}")
        if counter:
            await eventually(lambda: sum(lab.counters()[c] - before[c] for c in counter.split()) >= count, 5,
                             lambda: f"{act}: {counter} moves by {count}; moved: {grown(before, lab.counters())}")
        check(await flows(players, packets), f"{act}: {'counted as ' + counter if counter else 'done'}, and media of both rooms flows on")
    check(lab.dataplane.running(), "the dataplane lives")
    check(lab.counters()["checks_answered"] > 0 and lab.counters()["consents_lost"] == 0, "no transport lost consent")

    lab.control.kill()
    packets = await state(players)
    lab.start_control()
    await eventually(lambda: used_rows(lab) == right, 5, f"a new penstockd mends the tables: {used_rows(lab)}, once {right}")
    check(True, "a new penstockd mends the tables: they are as before")
    check(await flows(players, packets), "... without harm to media")
    publisher = await (await Publisher(lab, "three", "Newcomer").start()).connected()
    player = await (await Player(lab, "three", "New player").start()).connected()
    await eventually(lambda: player.picture_count > 5 and player.sound_count > 5, 15, "a new room works")
    check(True, "a new room works")
    for peer in [*publishers, *players, publisher, player]:
        await peer.end()
    check(not any(lab.tables().values()), "no row is left")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need()
run(lambda lab: asyncio.run(play(lab)), families="4")
