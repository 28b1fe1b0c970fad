"""Processes that must not outlive their starter, each with a log file and the patience to be started again."""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5
RESTARTS_MAX = 5  # within RESTARTS_SECONDS; then it is no accident
RESTARTS_SECONDS = 60
TAIL_LINES = 20


class Failure(Exception):
    """One sentence or more for a person, saying what to do."""


def die_with_parent():
    """In the child: also a kill -9 of the starter leaves nothing running."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    def __init__(self, name, words, directory, when_started=None):
        self.name, self.words = name, [str(w) for w in words]
        self.log = directory / f"{name}.log"
        self.when_started = when_started  # called with this after each start
        self.process, self.starts = None, []

    def start(self):
        self.starts.append(time.monotonic())
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C reaches the starter only, which then ends all in the right order.
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=die_with_parent)
        if self.when_started:
            self.when_started(self)

    def ending(self):
        """How it ended; empty while it runs."""
        code = self.process.poll()
        if code is None:
            return ""
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def failure(self, sentence):
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        log = "\n".join("    " + line for line in lines) or "    (nothing)"
        return Failure(f"{self.name}: {sentence}. The end of its log:\n{log}")

    def wait_until(self, condition, seconds, otherwise, also=()):
        """Waits for what this process, and perhaps `also` others, must bring about."""
        end = time.monotonic() + seconds
        while not condition():
            for child in (self, *also):
                if child.ending():
                    raise child.failure(f"ended at its start ({child.ending()})")
            if time.monotonic() > end:
                raise self.failure(f"after {seconds} s {otherwise}")
            time.sleep(0.05)

    def revive(self, say):
        ending = self.ending()
        if not ending:
            return
        recent = [t for t in self.starts if time.monotonic() - t < RESTARTS_SECONDS]
        if len(recent) > RESTARTS_MAX:
            raise self.failure(f"ended again and again ({ending})")
        say(f"{self.name} ended ({ending}); starting it again")
        self.start()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
