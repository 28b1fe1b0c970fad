#!/usr/bin/env python3
"""Builds twice, runs every test, and ends with one line: N passed, N failed, N skipped.

Build 1 is debug-optimised: all programs, and the tests of the whole relay and of the bench suite. Build 2 has ASan and
UBSan: all unit and fuzz tests. Unit tests of the packet path, optimised, are `--suites core`; `make soak` runs them. A
build that fails counts as one failed test, so that the closing line cannot look better than the truth.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0))
SANITIZED = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
PASSED = {"OK", "EXPECTEDFAIL"}
IDLE = ("chrt", "--idle", "0")
LAST_LINES = 12  # of a failed test, said again at the end


def say(text):
    print(f"== {text}", flush=True)


def command(*words, env=None, output=None):
    return subprocess.run(words, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=output, stderr=output, check=False).returncode == 0


def tests_of(build, suites):
    """The tests of these suites, as Meson knows them."""
    text = subprocess.run(["meson", "introspect", "--tests", build], cwd=ROOT, check=True, capture_output=True).stdout
    return [t for t in json.loads(text) if any(s.split(":")[-1] in suites for s in t["suite"])]


def targets_of(build, tests, defaults):
    """File names of what the tests run, and of what is built by default if asked for; Meson's `all` has every test."""
    text = subprocess.run(["meson", "introspect", "--targets", build], cwd=ROOT, check=True, capture_output=True).stdout
    needed = {name for test in tests for name in test["depends"]}
    prefix = str(ROOT / build) + "/"
    wanted = [t for t in json.loads(text) if t["id"] in needed or (defaults and t["build_by_default"])]
    return [f.removeprefix(prefix) for t in wanted for f in t["filename"]]


def results_of(build):
    counts = collections.Counter()
    failed = []
    for line in (ROOT / build / "meson-logs/testlog.json").read_text().splitlines():
        test = json.loads(line)
        kind = "passed" if test["result"] in PASSED else "skipped" if test["result"] == "SKIP" else "failed"
        counts[kind] += 1
        if kind == "failed":
            failed.append(f"{test['name']} ({test['result']}, {build})\n{reason_of(test)}")
    return counts, failed


def reason_of(test):
    """Where the output says so, why it failed; the whole is in Meson's log, which may be on a machine that is gone."""
    lines = [line for line in (test.get("stdout", "") + test.get("stderr", "")).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("failed:", "ok:"))] or lines
    return "\n".join("  " + line[:200] for line in telling[-LAST_LINES:])


class Build:
    """One build: made, then its tests run. `result` is counts, and the names of what failed."""

    def __init__(self, name, setup, suites, everything, env=None):
        self.name, self.setup, self.suites, self.everything, self.env = name, setup, suites, everything, env
        self.tests, self.result, self.thread = [], (collections.Counter(), []), None

    def make(self, prefix=(), output=None):
        """Leaves `tests` empty if there is nothing to run, or it failed: then `result` says so."""
        started = time.monotonic()
        if not (ROOT / self.name / "build.ninja").exists():
            say(f"Setting up {self.name}")
            if not command(*prefix, "meson", "setup", self.name, *self.setup, output=output):
                return self.fail("setting up")
        say(f"Building {self.name}")
        # Regenerates first: what must be built is asked of Meson, and it must know the present lists.
        if not command(*prefix, "ninja", "-C", self.name, "build.ninja", output=output):
            return self.fail("setting up")
        tests = tests_of(self.name, self.suites)
        targets = targets_of(self.name, tests, self.everything)
        if tests and not command(*prefix, "ninja", "-C", self.name, *targets, output=output):
            return self.fail("building")
        say(f"Built {self.name} in {time.monotonic() - started:.0f} s")
        self.tests = tests

    def make_meanwhile(self):
        """Of the time that nothing else wants, beside the tests of another build: two cores are one conference, which
        leaves half of them idle. What it says is kept, and shown if it failed."""
        self.output = tempfile.TemporaryFile(mode="w+")
        self.thread = threading.Thread(target=self.make, kwargs={"prefix": IDLE, "output": self.output})
        self.thread.start()

    def test(self):
        if self.thread:
            self.thread.join()
            if self.result[1]:
                self.output.seek(0)
                print(self.output.read()[-20000:])
        if not self.tests:
            return
        say(f"Testing {self.name}: {', '.join(self.suites)}")
        words = ["meson", "test", "-C", self.name, "--no-rebuild", "--print-errorlogs", "--num-processes", str(CORES)]
        log = ROOT / self.name / "meson-logs/testlog.json"
        log.unlink(missing_ok=True)
        good = command(*words, *[w for suite in self.suites for w in ("--suite", suite)], env=self.env)
        if not log.exists():
            return self.fail("running the tests of")
        counts, failed = results_of(self.name)
        if not good and not failed:
            counts["failed"] += 1
            failed.append(f"meson test in {self.name}")
        self.result = counts, failed

    def fail(self, what):
        self.result = collections.Counter(failed=1), [f"{what} {self.name}"]


def give_back():
    """What root built in somebody's tree belongs to them, or they cannot build there again without root."""
    owner = ROOT.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for name in ("build", "build-asan", "tests/e2e/node_modules", "tests/interop/clients/node_modules"):
        if (ROOT / name).exists():
            command("chown", "-R", f"{owner.st_uid}:{owner.st_gid}", name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", default="system,e2e,bench", help="of the first build")
    parser.add_argument("--no-asan", action="store_true", help="only the first build")
    arguments = parser.parse_args()
    started = time.monotonic()
    # Of the debug information only lines: the rest takes a good part of the time to compile.
    lines_only = ["-Ddebug=false", "-Dcpp_args=-g1"]
    # Not optimised: at -O1 -g this build took twice the time of the first one.
    sanitizers = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbench=disabled", "-Doptimization=0", *lines_only]
    whole = Build("build", ["--sysconfdir", "/etc", *lines_only], arguments.suites.split(","), True)
    sanitized = Build("build-asan", sanitizers, ["unit", "fuzz"], False, SANITIZED)
    whole.make()
    if not arguments.no_asan:
        sanitized.make_meanwhile()
    whole.test()
    sanitized.test()
    give_back()

    counts = whole.result[0] + sanitized.result[0]
    failed = whole.result[1] + sanitized.result[1]
    say(f"Done in {(time.monotonic() - started) / 60:.1f} minutes")
    for name in failed:
        print(f"failed: {name}")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}", flush=True)
    return 1 if failed or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
