#!/usr/bin/env python3
"""What the compiler and the linker left in the daemons: built_test.py DAEMON... reads them as files.

Canaries, checked copies, branch targets, a position of their own and tables that are read-only once bound; and in the
dataplane no SSE code that runs while upper halves of AVX registers are in use.
"""

import re
import shutil
import subprocess
import sys

SKIPPED = 77


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def hardening_faults(path):
    header, segments, dynamic = run("readelf", "-hW", path), run("readelf", "-lW", path), run("readelf", "-dW", path)
    symbols = run("readelf", "--dyn-syms", "-W", path)
    wanted = {
        "is no position-independent executable": re.search(r"Type:\s+DYN", header),
        "has no segment that is read-only after relocation": "GNU_RELRO" in segments,
        "binds while it runs (no BIND_NOW)": re.search(r"FLAGS_1.*\bNOW\b", dynamic),
        "has a stack that may be executed": re.search(r"GNU_STACK.*\bRW\s", segments),
        "has no stack protector": "__stack_chk_fail" in symbols,
    }
    return [f"{path} {what}" for what, there in wanted.items() if not there]


def fortified(path):
    return bool(re.search(r"__(memcpy|memmove|memset|snprintf|vsnprintf|read|recv|poll)\w*_chk", run("readelf", "--dyn-syms", "-W", path)))


def functions(path, part_of_name):
    """Disassembly of functions by name."""
    text = run("objdump", "-d", "-C", "--no-show-raw-insn", "-M", "intel", path)
    for block in text.split("\n\n"):
        title, *lines = block.strip().splitlines() or [""]
        if part_of_name in title:
            yield title, [line.split("\t", 1)[1].strip() for line in lines if "\t" in line]


def upper_half_faults(path):
    """g++ 12 with -fipa-ra leaves out vzeroupper before a call to a function of which it knows that it takes none: its SSE
    code then takes four times as long. Each call or return after a 256-bit instruction has a vzeroupper before it."""
    faults, seen = [], 0
    for title, lines in functions(path, "sumAvx"):
        used, seen = False, seen + 1
        for line in lines:
            if re.search(r"\b[yz]mm\d", line):
                used = True
            elif line.startswith("vzeroupper"):
                used = False
            elif used and re.match(r"(call|ret)\b", line):
                faults.append(f"{title} {line}: upper halves are in use")
    if seen == 0:
        faults.append(f"{path}: no function sumAvx* to look at")
    return faults


def main():
    if not shutil.which("readelf") or not shutil.which("objdump"):
        print("readelf and objdump are not here")
        return SKIPPED
    daemons, faults = sys.argv[1:], []
    for path in daemons:
        faults += hardening_faults(path)
        if "x86-64" in run("readelf", "-hW", path).lower():
            entry = next(functions(path, "<main>:"), ("", [""]))[1]
            if not entry[0].startswith("endbr64"):
                faults.append(f"{path}: main is no branch target (-fcf-protection)")
            if path.endswith("penstock-dataplane"):
                faults += upper_half_faults(path)
    if not any(fortified(path) for path in daemons):
        faults.append("no daemon has a checked copy (-D_FORTIFY_SOURCE)")
    print("\n".join(faults) or "as they should be")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
