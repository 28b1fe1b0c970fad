#!/usr/bin/env python3
"""The units are sound, and leave each daemon as little as `systemd-analyze security` says here, or less. Where memory is
short, control is limited and goes first."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

EXPOSURE_MAX = 1.5  # of 10; "OK" ends at 4
SKIPPED = 77


def analyze(*words):
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def memory_faults(units):
    """Of the settings that decide who is killed when memory is short."""
    def setting(unit, name):
        found = re.search(rf"^{name}=(.*)$", units[unit], re.MULTILINE)
        return found[1] if found else ""
    control, dataplane = "penstockd.service", "penstock-dataplane.service"
    limit = re.fullmatch(r"(\d+)G", setting(control, "MemoryMax"))
    faults = []
    if not limit or not 1 <= int(limit[1]) <= 16:
        faults.append("penstockd: no MemoryMax in GiB")
    if setting(dataplane, "MemoryMax"):
        faults.append("dataplane: a limit of memory would end everybody's media")
    scores = [int(setting(unit, "OOMScoreAdjust") or 0) for unit in (control, dataplane)]
    # Both before what else runs on the machine is spared; -1000 would be never.
    if not -1000 < scores[1] < scores[0] < 0:
        faults.append(f"OOMScoreAdjust: {scores[0]} of control and {scores[1]} of the dataplane")
    return faults


def main():
    found = memory_faults({path.name: path.read_text(encoding="utf-8") for path in map(pathlib.Path, sys.argv[1:])})
    print("\n".join(found), end="")
    if found:
        return 1
    if not shutil.which("systemd-analyze") or "--offline" not in analyze("--help")[1]:
        print("systemd-analyze is not here, or cannot look at a file")
        return SKIPPED
    faults = 0
    for path in map(pathlib.Path, sys.argv[1:]):
        code, text = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX * 10:.0f}", path)
        print(text.strip().splitlines()[-1])
        faults += code != 0
        with tempfile.TemporaryDirectory() as folder:
            # The program is not installed yet: something that is stands for it.
            unit = pathlib.Path(folder) / path.name
            lines = path.read_text(encoding="utf-8").splitlines()
            unit.write_text("\n".join("ExecStart=/bin/true" if li.startswith("ExecStart=") else li for li in lines))
            complaints = [li for li in analyze("verify", "--man=no", unit)[1].splitlines() if path.name in li]
            print("\n".join(complaints), end="")
            faults += len(complaints)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
