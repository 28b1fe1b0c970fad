#!/usr/bin/env python3
"""Counts the instructions that one packet to one receiver takes, and compares them with what they were.

valgrind counts; no clock is involved, so a busy machine does not matter. instructions.json holds the reference of each
compiler, because compilers differ, and the reason of every change. `--accept REASON` writes the new count there.
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
REFERENCE = HERE / "instructions.json"
FEW, MANY = 320, 1600
RECEIVERS = 50


def instructions(program, packets):
    with tempfile.TemporaryDirectory() as folder:
        words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", str(program), str(packets)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench-check: {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    counted = re.search(r"Collected : (\d+)", done.stderr)
    if not counted:
        sys.exit(f"bench-check: valgrind said no count:\n{done.stderr}")
    return int(counted[1])


def compiler_of(build):
    """g++-12: what the reference is for."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    words = commands[0]["command"].split()
    compiler = words[1] if words[0].endswith("ccache") else words[0]
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    return f"{'clang++' if 'clang' in said else 'g++'}-{version.split('.')[0].strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a release build")
    parser.add_argument("--accept", metavar="REASON", help="the count is what it should be from now on, because ...")
    arguments = parser.parse_args()
    program = arguments.build / "bench" / "penstock_guard"
    few, many = instructions(program, FEW), instructions(program, MANY)
    now = (many - few) / ((MANY - FEW) * RECEIVERS)
    book = json.loads(REFERENCE.read_text(encoding="utf-8"))
    compiler = compiler_of(arguments.build)
    reference = book["instructions_per_packet_out"].get(compiler)
    print(f"{now:.1f} instructions per packet out, without crypto ({compiler})", end="")
    if arguments.accept:
        book["instructions_per_packet_out"][compiler] = round(now, 1)
        book["history"].append({"date": str(datetime.date.today()), "compiler": compiler, "from": reference,
                                "to": round(now, 1), "reason": arguments.accept})
        REFERENCE.write_text(json.dumps(book, indent=2) + "\n", encoding="utf-8")
        print("; accepted")
        return 0
    if reference is None:
        print(f"; no reference for {compiler}: --accept writes one")
        return 0
    change = now / reference - 1
    print(f"; reference {reference:.1f}, {100 * change:+.1f} %")
    if change > book["tolerance"]:
        print(f"bench-check: more than {100 * book['tolerance']:.0f} % above. Find out why; if it is worth it:\n"
              f"  bench/guard/check.py {arguments.build} --accept 'the reason'")
        return 1
    if change < -book["tolerance"]:
        print("Fewer: keep it by --accept 'the reason'.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
