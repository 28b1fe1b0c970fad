#!/usr/bin/env python3
# Prints counters of worker 0 from a reports region: counter.py REGION NAME... The order of names is counters.h's.
import mmap
import pathlib
import re
import struct
import sys

CONTRACT = pathlib.Path(__file__).resolve().parents[2] / "dataplane" / "contract"


def names():
    """As the enum has them: counters, then receive drops, then send drops."""
    lists = {}
    current = None
    for line in (CONTRACT / "counters.h").read_text().splitlines():
        if found := re.match(r"#define (PENSTOCK_\w+)\(X\)", line):
            current = lists.setdefault(found[1], [])
        elif current is not None and (found := re.match(r"\s+X\((\w+),", line)):
            current.append(found[1])
    return lists["PENSTOCK_COUNTERS"] + lists["PENSTOCK_RECEIVE_DROPS"] + lists["PENSTOCK_SEND_DROPS"]


def main():
    order = names()
    block = (8 * len(order) + 63) // 64 * 64
    # RegionHeader, DataplaneStatus and two cursors of 64 bytes each, then housekeeping's block, then worker 0's.
    worker = 4 * 64 + block
    with open(sys.argv[1], "rb") as file:
        region = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    for name in sys.argv[2:]:
        print(struct.unpack_from("<Q", region, worker + 8 * order.index(name))[0])


main()
