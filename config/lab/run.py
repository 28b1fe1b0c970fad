#!/usr/bin/env python3
"""Starts a relay on this machine to try it: both daemons and a test card, until Ctrl-C. `make run` calls it.

    browser --http, WebSocket--> penstockd (127.0.0.1:8080)
       \\----media---> penstock0, the kernel's side (198.18.0.2) <-tap-> penstock-dataplane (198.18.0.1)

Addresses, interface and directory are those of config/lab.conf. Nothing is left behind.
"""

import argparse
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from children import Child, Failure

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAP_NET_ADMIN = 12
READY_SECONDS = 30
# Drops that are no fault: nobody is there to see the test card.
UNWANTED = ("rtp_no_subscriber", "rtp_track_muted", "rtp_not_loudest", "rtp_silence")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stop(Exception):
    """A signal asked for the end."""


def say(text):
    clear = "\r\033[K" if sys.stdout.isatty() else ""
    print(clear + text, flush=True)


def succeeds(*words):
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def must(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: {done.stderr.strip()}")


def interface_exists(name):
    """In this network namespace; /sys may be another's."""
    return name in (known for _, known in socket.if_nameindex())


def check_rights():
    """What no package can mend, told before anything is installed or built."""
    if os.geteuid() != 0:
        raise Failure("The relay makes a network interface (a tap), which takes root. Try: sudo make run")
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:") and not int(line.split()[1], 16) >> CAP_NET_ADMIN & 1:
            raise Failure("Root may not make network interfaces here: CAP_NET_ADMIN is missing. In a container, start it "
                          "with --cap-add NET_ADMIN --device /dev/net/tun")
    if not os.path.exists("/dev/net/tun"):
        succeeds("modprobe", "tun")
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        raise Failure(f"/dev/net/tun: {error.strerror}. The relay's port is a tap, which needs it. Load the kernel's module "
                      "(modprobe tun); in a container, start it with --device /dev/net/tun") from error


def read_settings(build, config):
    """The settings in effect, from penstockd itself: section.key -> values."""
    done = subprocess.run([build / "daemon/penstockd", "--config", config, "--print-config"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failure(done.stderr.strip())
    settings, section = {}, ""
    for line in done.stdout.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            key, value = (part.strip() for part in line.split("=", 1))
            settings.setdefault(f"{section}.{key}", []).extend([value] if value else [])
    return settings


class Lab:
    def __init__(self, build, config, test_card):
        self.build, self.config, self.test_card = build, config, test_card
        settings = read_settings(build, config)
        self.directory = pathlib.Path(settings["seam.directory"][0])
        self.listen = settings["http.listen"][0]
        self.addresses = [ipaddress.ip_interface(a) for a in settings["media.address"]]
        device = settings["dataplane.device"][0].split(",")
        self.interface = next((word.removeprefix("iface=") for word in device if word.startswith("iface=")), "")
        if not device[0].startswith("net_tap") or not self.interface:
            raise Failure(f"{config}: dataplane.device must be a tap with a name here, like net_tap0,iface=penstock0")
        self.url = "http://" + self.listen
        self.children = []

    def kernel_side(self):
        """The second address of each prefix; the third, where the relay has the second."""
        for address in self.addresses:
            other = address.network[2] if address.network[2] != address.ip else address.network[3]
            yield f"{other}/{address.network.prefixlen}"

    def mark(self):
        return self.directory / "run.pid"

    def running(self):
        """The process that holds the directory; None when that is over."""
        try:
            pid = self.mark().read_text().strip()
            return pid if b"run.py" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() else None
        except OSError:
            return None

    def check(self):
        """That nobody is where we want to be. Each sentence says what to do."""
        pid = self.running()
        if pid:
            raise Failure(f"A relay of this kind already runs (process {pid}): open {self.page()}, or stop it there with "
                          "Ctrl-C")
        if self.directory.exists() and any(self.directory.iterdir()) and not self.mark().exists():
            raise Failure(f"{self.directory} holds something of somebody else: choose another seam.directory in "
                          f"{self.config}")
        if interface_exists(self.interface):
            raise Failure(f"There is already an interface {self.interface}, of something else. If it is left over: "
                          f"ip link delete {self.interface}")
        port = self.listen.rpartition(":")[2]
        taken = subprocess.run(["ss", "-ltnpH", f"sport = :{port}"], capture_output=True, text=True, check=False).stdout
        if taken:
            who = taken.split("users:((")[-1].split(",")[0].strip('"') if "users:" in taken else "another program"
            raise Failure(f"Port {port} is taken by {who}. Stop that, or choose another: "
                          f"PENSTOCK_HTTP_LISTEN=127.0.0.1:{int(port) + 1} make run")
        for address in self.addresses:
            held = subprocess.run(["ip", "-br", "address", "show", "to", str(address.network)], capture_output=True,
                                  text=True, check=False).stdout.split()
            if held:
                raise Failure(f"{address.network} is in use on interface {held[0]}: choose another media.address in "
                              f"{self.config}")

    def page(self):
        return f"http://localhost:{self.listen.rpartition(':')[2]}/?room=lab"

    def start(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(mode=0o700, parents=True)
        self.mark().write_text(f"{os.getpid()}\n")
        config = ["--config", str(self.config)]
        self.children.append(Child("penstock-dataplane", [self.build / "daemon/penstock-dataplane", *config],
                                   self.directory, self.set_addresses))
        pages = ["--http.web-directory", str(ROOT / "control/web")]
        self.children.append(Child("penstockd", [self.build / "daemon/penstockd", *config, *pages], self.directory))
        for child in self.children:
            child.start()
        self.wait_ready()
        if self.test_card:
            words = ["/usr/bin/python3", ROOT / "config/lab/testcard.py", "--url", self.url]
            self.children.append(Child("testcard", words, self.directory))
            self.children[-1].start()

    def set_addresses(self, child):
        """The interface is there when the dataplane made it, and goes with it; the kernel's side is ours to set."""
        child.wait_until(lambda: interface_exists(self.interface), READY_SECONDS,
                         f"the interface {self.interface} did not appear")
        must("ip", "link", "set", self.interface, "up")
        for address in self.kernel_side():
            words = ["ip", "address", "replace", address, "dev", self.interface]
            if ":" not in address:
                must(*words)
            elif not succeeds(*words, "nodad"):
                say("IPv6 is switched off in this kernel: the relay is reached by IPv4 only")

    def ask(self, path):
        with OPENER.open(self.url + path, timeout=2) as response:
            return json.load(response)

    def is_ready(self):
        try:
            self.ask("/readyz")
            return True
        except (OSError, ValueError):
            return False

    def wait_ready(self):
        self.children[0].wait_until(self.is_ready, READY_SECONDS, f"{self.url}/readyz does not say that the relay is ready",
                                    also=self.children[1:])

    def watch(self):
        """A line a second on a terminal; daemons that end are started again, as systemd would."""
        live = sys.stdout.isatty()
        while True:
            time.sleep(1)
            for child in self.children:
                child.revive(say)
            if live:
                print("\r\033[K" + self.status()[:shutil.get_terminal_size().columns - 1], end="", flush=True)

    def status(self):
        try:
            stats = self.ask("/v1/stats")
        except (OSError, ValueError):
            return "penstockd does not answer"
        load = stats["load"]
        busy = max(load["worker_busy_ratio"], default=0)
        drops = sum(n for kind in ("receive_drops", "send_drops") for name, n in stats[kind].items()
                    if name not in UNWANTED)
        dead = "" if stats["dataplane"]["alive"] else " | the dataplane is gone"
        return (f"rooms {stats['rooms']} | participants {stats['participants']} | "
                f"in {load['packets_received_per_s']:.0f}/s | out {load['packets_sent_per_s']:.0f}/s packets | "
                f"load {busy * 100:.0f} % | drops {drops}{dead}")

    def stop(self):
        """The test card first, so that it can say goodbye; the dataplane last."""
        for child in reversed(self.children):
            child.stop()
        if interface_exists(self.interface) and self.children:
            succeeds("ip", "link", "delete", self.interface)
        if self.children:
            shutil.rmtree(self.directory, ignore_errors=True)


def on_signal(number, _frame):
    # Once: while everything is being stopped, another Ctrl-C must not leave half of it.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stop(signal.Signals(number).name)


def run(options):
    check_rights()
    if options.check:
        return 0
    lab = Lab((ROOT / options.build).resolve(), options.config, not options.no_test_card)
    lab.check()
    started = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        lab.start()
        say(f"\nPenstock runs (started in {time.monotonic() - started:.1f} s). Open {lab.page()}\n"
            f"Operator's page: {lab.url}/status   logs: {lab.directory}/*.log   Ctrl-C ends it.\n")
        lab.watch()
    except Stop:
        say("Stopping.")
    finally:
        lab.stop()
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build", help="where Meson built the daemons")
    parser.add_argument("--check", action="store_true", help="only see whether this machine and user may run it")
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "config/lab.conf")
    parser.add_argument("--no-test-card", action="store_true")
    try:
        return run(parser.parse_args())
    except Failure as failure:
        print(f"make run: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
