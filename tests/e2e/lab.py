"""A relay for one test: both daemons in a namespace of their own, with keys, a port and a directory that vanish after it.

    with Lab(families="4") as lab:
        lab.call("GET", "/v1/rooms")

TEST_SETTINGS in the environment is added to the settings file, as in TEST_SETTINGS=$'[srtp]\\nbackend = libsrtp'.

Daemons may be stopped, killed and started again; when the test fails, the end of their logs is printed.
"""

import base64
import ctypes
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from namespaces import PREFIX, Namespaces, command, libc

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TEST_BUILD_DIR", ROOT / "build"))
KEY_ID, SECRET = "test", "a-secret-of-the-tests-of-32-characters-or-more"
HTTP_PORT, MEDIA_PORT = 8080, 10000
SKIPPED = 77
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """What a test expected and did not get, in a sentence."""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def need(*programs):
    if os.geteuid() != 0:
        skip("network namespaces need root")
    if not os.path.exists("/dev/net/tun"):
        skip("there is no /dev/net/tun")
    for program in programs:
        if shutil.which(program) is None:
            skip(f"{program} is not installed")


def check(condition, sentence):
    if not condition:
        raise Failed(sentence)
    print(f"ok: {sentence}", flush=True)


PATIENCE = 3  # so many times as long as anything takes where nothing else runs


def wait_until(question, seconds, what, every=0.1):
    """Asks until the answer is true; returns it. `seconds`: of a machine with nothing else to do."""
    end = time.monotonic() + PATIENCE * seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {PATIENCE * seconds} s")
        time.sleep(every)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(room="*", name="", secret=SECRET, lifetime_s=3600, subject="", **grants):
    """A signed token; without grants, for everything."""
    grants = grants or dict.fromkeys(("join", "publish", "subscribe", "moderate", "admin"), True)
    claims = {"exp": int(time.time()) + lifetime_s, "name": name, "room": {"name": room, **grants}}
    if subject:
        claims["sub"] = subject
    text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": KEY_ID}, claims))
    return text + "." + base64url(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def dies_with_us():
    libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


class Daemon:
    """One program in the relay's namespace. Its log survives its restarts."""

    def __init__(self, name, words, log):
        self.name, self.words, self.log, self.process = name, words, log, None

    def start(self, meanwhile=lambda: None, seconds=20):
        """Returns when it tells systemd, which we are for it, that it is ready; calls `meanwhile` until then."""
        path = str(self.log) + ".notify"
        pathlib.Path(path).unlink(missing_ok=True)
        with open(self.log, "ab") as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "NOTIFY_SOCKET": path}, preexec_fn=dies_with_us)
            notify.settimeout(0.02)
            end, said = time.monotonic() + PATIENCE * seconds, b""
            while b"READY=1" not in said:
                meanwhile()
                if not self.running():
                    raise Failed(f"{self.name} ended with {self.process.returncode}")
                if time.monotonic() > end:
                    raise Failed(f"{self.name} was not ready within {PATIENCE * seconds} s")
                try:
                    said = notify.recv(4096)
                except TimeoutError:
                    pass

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As the kernel's OOM killer would."""
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """Politely; its exit status."""
        if self.process is None:
            return None
        if self.running():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(PATIENCE * 10)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failed(f"{self.name} did not end within {PATIENCE * 10} s of SIGTERM")
        return self.process.returncode

    def tail(self, lines=60):
        return "".join(open(self.log, errors="replace").readlines()[-lines:]) if self.log.exists() else ""


class Response:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {self.body[:300].decode(errors='replace')}"


class Lab:
    def __init__(self, families="46", settings="", device="net_tap0,iface=penstock0"):
        self.families = families
        self.device = device
        self.settings = settings + "\n" + os.environ.get("TEST_SETTINGS", "")
        self.directory = None

    # Life --------------------------------------------------------------------------------------------------------

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped by SIGTERM"))  # so that __exit__ cleans up
        self.started = time.monotonic()
        self.net = Namespaces()
        try:
            self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-", dir="/dev/shm"))
            self.write_config()
            if "net_af_packet" in self.device:
                self.net.make_interface_for_port()
            self.net.enter_clients()
            in_relay = ["ip", "netns", "exec", self.net.relay]
            config = ["--config", str(self.config)]
            self.dataplane = Daemon("penstock-dataplane", [*in_relay, BUILD / "daemon/penstock-dataplane", *config],
                                    self.directory / "dataplane.log")
            self.control = Daemon("penstockd", [*in_relay, BUILD / "daemon/penstockd", *config],
                                  self.directory / "penstockd.log")
            self.start_dataplane()
            self.start_control()
            wait_until(lambda: self.call("GET", "/readyz").status == 200, 10, "penstockd says that it is ready")
        except BaseException:
            self.tell()
            self.clean()
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.tell()
        self.clean()
        print(f"took {time.monotonic() - self.started:.0f} s", flush=True)

    def tell(self):
        for daemon in ("dataplane", "control"):
            daemon = getattr(self, daemon, None)
            if daemon:
                print(f"--- the end of the log of {daemon.name}\n{daemon.tail()}", flush=True)
        for words in (("drops", "--nonzero"), ("tables",)):
            result = command(str(BUILD / "daemon/penstockctl"), "--directory", str(self.directory), *words, check=False)
            print(f"--- penstockctl {' '.join(words)}\n{result.stdout}{result.stderr}", flush=True)

    def clean(self):
        for name in ("control", "dataplane"):
            daemon = getattr(self, name, None)
            if daemon and daemon.running():
                daemon.process.kill()
                daemon.process.wait(10)
        self.net.remove()
        if self.directory and not os.environ.get("TEST_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def write_config(self):
        bits = {"4": 24, "6": 64}
        media = "\n".join(f"address = {self.net.relay_media[f]}/{bits[f]}" for f in self.families)
        self.config = self.directory / "penstock.conf"
        self.config.write_text(f"""
[media]
{media}
port = {MEDIA_PORT}
[dataplane]
device = {self.device}
hugepages = off
[seam]
directory = {self.directory}
[http]
listen = {self.net.relay_kernel["4"]}:{HTTP_PORT}
web-directory = {ROOT / "control/web"}
[auth]
key = {KEY_ID}:{SECRET}
[store]
path = {self.directory}/control.sqlite
{self.settings}
""")
        self.config.chmod(0o600)

    def start_dataplane(self):
        # Again and again until it is ready: the first thing that it asks of the network must not get lost, nor the answer.
        self.dataplane.start(lambda: self.net.join_port("penstock0"))
        self.net.join_port("penstock0")

    def start_control(self):
        self.control.start()

    # Talk --------------------------------------------------------------------------------------------------------

    @property
    def url(self):
        return f"http://{self.net.relay_kernel['4']}:{HTTP_PORT}"

    def connection(self):
        return http.client.HTTPConnection(self.net.relay_kernel["4"], HTTP_PORT, timeout=PATIENCE * 10)

    def call(self, method, path, body=None, headers=None, bearer=True):
        """One request, by default with a token for everything; a dict travels as JSON. The path may be a Location."""
        if path.startswith("."):
            path = "/" + path.lstrip("./")  # above the root is the root (RFC 3986 section 5.2.4)
        headers = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if bearer:
            headers.setdefault("Authorization", "Bearer " + (bearer if isinstance(bearer, str) else token()))
        connection = self.connection()
        try:
            connection.request(method, path, body=body, headers=headers)
            return Response(connection.getresponse())
        finally:
            connection.close()

    def participants(self, room):
        response = self.call("GET", f"/v1/rooms/{room}/participants")
        return response.json["participants"] if response.status == 200 else []

    def metric(self, name):
        """The sum of a family's samples whose line starts with `name` (labels may be part of it)."""
        text = self.call("GET", "/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " ", ",", "}"))

    def ctl(self, *words):
        """penstockctl's JSON: reads shared memory, needs neither daemon."""
        result = command(str(BUILD / "daemon/penstockctl"), "--directory", str(self.directory), "--json", *words, check=False)
        if not result.stdout:
            raise Failed(f"penstockctl {' '.join(words)}: {result.stderr.strip()}")
        return json.loads(result.stdout)

    def counters(self):
        """{name: value} of every counter of the dataplane, all threads together."""
        return {c["name"]: c["value"] for c in self.ctl("drops")["counters"]}

    def tables(self):
        """Rows in use by table, without those that are kept to tell clients that their session is over."""
        return {kind: [row for row in rows if not row.get("ended")] for kind, rows in self.ctl("tables").items()}


def grown(before, after):
    """Only what moved."""
    return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


def run(test, **lab_options):
    """A test file's last line: the relay, the test, one closing sentence."""
    status = 1
    try:
        with Lab(**lab_options) as lab:
            test(lab)
        status = 0
    except Failed as failed:
        print(f"failed: {failed}")
    except SystemExit as left:
        print(f"failed: {left}")
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    # Without waiting for the threads of peers that a failed test left behind.
    sys.stdout.flush()
    os._exit(status)
