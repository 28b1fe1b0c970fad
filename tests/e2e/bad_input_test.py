#!/usr/bin/python3
"""Bad input at the doors of the live daemons: wrong settings, wrong calls, wrong SDP, bodies that are too long, clients
that are too slow. Each gets its documented answer, and the relay goes on."""

import select
import socket
import time

from lab import BUILD, HTTP_PORT, check, command, need, run, token, wait_until

SETTINGS = "[http]\nrequest-timeout-s = 2\nbody-max-kib = 16\nconnections-max = 64\n"
EXIT_CONFIG, EXIT_USAGE = 78, 64
SDP = {"Content-Type": "application/sdp"}

# What the file says below its first line, and what must be said about it (after "FILE:LINE: ").
CONFIGS = [
    ("[media]\nport = 70000", ":3: media.port = 70000: not allowed; allowed: 1 to 65535"),
    ("[media]\nport = ten", ":3: media.port = ten: not allowed"),
    ("[media]\naddress = 224.0.0.1/4", ":3: media.address = 224.0.0.1/4: not allowed"),
    ("[media]\nprot = 1", ":3: media.prot"),
    ("[medium]\nport = 1", ":2: [medium]: there is no such section"),
    ("[media]\nport 1", "neither \"key = value\""),
    ("[media]\naddress = 198.18.0.1/24\ngateway = 203.0.113.1", "media.gateway: 203.0.113.1 is not within"),
    ("[dataplane]\nmemory-mib = 64\npacket-buffers = 1000000", "dataplane.packet-buffers"),
    ("[http]\nlisten = 0.0.0.0:80", "without auth.key"),
    ("[http]\ntls-key = /etc/key.pem", "needs http.tls-certificate too"),
    ("[auth]\nkey = a:short", "auth.key"),
    ("[log]\nlevel = loud", ":3: log.level = loud: not allowed"),
    ("[dataplane]\nworkers = 2,2", ":3: dataplane.workers"),
]

BAD_OFFERS = [
    ("", 400, "an empty body"),
    ("hello", 400, "no SDP"),
    ("v=0\r\n", 400, "SDP that ends after its first line"),
    ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 400, "SDP without media"),
    ("\0" * 1000, 400, "zeros"),
    ("v=0\r\n" + "a=x\r\n" * 3000, 400, "three thousand lines of nothing"),
]


def offer(lines):
    return ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n" + "".join(f"{l}\r\n" for l in lines))


GOOD = ["a=ice-ufrag:abcd", "a=ice-pwd:" + "p" * 24, "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass",
        "a=rtcp-mux", "a=sendonly", "a=rtpmap:111 opus/48000/2", "a=ssrc:12345 cname:x"]
LACKING = ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=rtcp-mux", "a=rtpmap"]


def wrong_settings(lab):
    file = lab.directory / "wrong.conf"
    for text, expected in CONFIGS:
        file.write_text(f"# wrong on purpose\n{text}\n")
        for daemon in ("penstockd", "penstock-dataplane"):
            result = command(str(BUILD / "daemon" / daemon), "--config", str(file), "--check-config", check=False)
            said = result.stdout + result.stderr
            if result.returncode != EXIT_CONFIG or expected not in said:
                check(False, f"{daemon}: {text!r} ends with {EXIT_CONFIG} and says {expected!r}, but {result.returncode}: {said}")
    check(True, f"{len(CONFIGS)} wrong files: both daemons end with {EXIT_CONFIG} and say what is wrong, and where")
    result = command(str(BUILD / "daemon/penstockd"), "--config", "/nonexistent", check=False)
    check(result.returncode == EXIT_CONFIG and "/nonexistent" in result.stderr, f"no such file: {result.stderr.strip()}")
    result = command(str(BUILD / "daemon/penstockd"), "--config", str(lab.config), "--media.port", "0", check=False)
    check(result.returncode == EXIT_CONFIG, f"a wrong command line: {result.stderr.strip()}")
    result = command(str(BUILD / "daemon/penstockctl"), "frobnicate", check=False)
    check(result.returncode == EXIT_USAGE, f"penstockctl with a wrong command ends with {EXIT_USAGE}")
    for daemon in ("penstockd", "penstock-dataplane"):
        result = command("ip", "netns", "exec", lab.net.relay, str(BUILD / "daemon" / daemon), "--config", str(lab.config), check=False)
        check(result.returncode not in (0, -6, -11), f"a second {daemon} ends with {result.returncode}: "
              f"{result.stderr.strip().splitlines()[-1] if result.stderr else ''}")
    check(lab.dataplane.running() and lab.control.running(), "... and leaves the first ones alone")


def wrong_calls(lab):
    def expect(status, method, path, body=None, headers=None, bearer=True, code=None):
        response = lab.call(method, path, body, headers, bearer)
        good = response.status == status and (code is None or response.json.get("code") == code
                                              or response.json.get("error", {}) == code
                                              or code in response.body.decode())
        if not good:
            check(False, f"{method} {path} is answered {status} {code or ''}, but {response}")
        nonlocal count
        count += 1

    count = 0
    json_type = {"Content-Type": "application/json"}
    expect(401, "GET", "/v1/rooms", bearer=None, code="token_missing")
    expect(401, "GET", "/v1/rooms", bearer="nonsense", code="token_invalid")
    expect(401, "GET", "/v1/rooms", bearer=token(secret="another secret of 32 characters or so"), code="token_invalid")
    expect(401, "GET", "/v1/rooms", bearer=token(lifetime_s=-60), code="token_invalid")
    expect(403, "GET", "/v1/rooms", bearer=token(room="mine", join=True), code="not_permitted")
    expect(403, "GET", "/v1/rooms/other", bearer=token(room="mine", join=True))
    expect(403, "POST", "/v1/rooms", {"name": "other"}, bearer=token(room="mine", admin=True))
    expect(404, "GET", "/v1/rooms/nowhere", code="room_unknown")
    expect(404, "GET", "/nothing")
    expect(405, "PUT", "/v1/rooms")
    expect(415, "POST", "/v1/rooms", "{}", {"Content-Type": "text/plain"})
    expect(400, "POST", "/v1/rooms", "{", json_type, code="json_invalid")
    expect(400, "POST", "/v1/rooms", "[" * 5000, json_type, code="json_invalid")
    expect(400, "POST", "/v1/rooms", {}, code="room_name_invalid")
    expect(400, "POST", "/v1/rooms", {"name": "a b"}, code="room_name_invalid")
    expect(400, "POST", "/v1/rooms", {"name": "x" * 65}, code="room_name_invalid")
    expect(400, "POST", "/v1/rooms", {"name": "a", "colour": "red"}, code="field_unknown")
    expect(400, "POST", "/v1/rooms", {"name": "a", "participants_max": 0}, code="field_invalid")
    expect(201, "POST", "/v1/rooms", {"name": "a", "participants_max": 1})
    expect(409, "POST", "/v1/rooms", {"name": "a"}, code="room_exists")
    expect(404, "DELETE", "/v1/rooms/a/participants/nobody", code="participant_unknown")
    expect(404, "PATCH", "/v1/rooms/a/tracks/nothing", {"muted": True}, code="track_unknown")
    expect(400, "PATCH", "/v1/rooms/a/tracks/nothing", {"muted": "yes"}, code="field_invalid")
    expect(400, "GET", "/v1/rooms/a%00b")
    expect(426, "GET", "/v1/rooms/a/ws")
    expect(413, "POST", "/v1/rooms", '{"name": "' + "x" * 20000 + '"}', json_type, code="body_too_long")
    expect(413, "POST", "/whip/a", "v" * 20000, SDP, code="body_too_long")
    expect(204, "DELETE", "/v1/rooms/a")
    check(True, f"{count} calls get their documented answers")


def wrong_offers(lab):
    count = 0
    for path in ("/whip/offers", "/whep/offers"):
        for body, status, what in BAD_OFFERS:
            response = lab.call("POST", path, body, SDP)
            count += 1
            if not 400 <= response.status < 500:
                check(False, f"{path}: {what} is answered {status}, but {response}")
    for lacking in LACKING:
        response = lab.call("POST", "/whip/offers", offer(l for l in GOOD if not l.startswith(lacking)), SDP)
        count += 1
        if not 400 <= response.status < 500 or not response.json.get("message", response.body):
            check(False, f"an offer without {lacking} is refused, but {response}")
    check(True, f"{count} wrong offers are refused")
    response = lab.call("POST", "/whip/offers", offer(GOOD), SDP)
    check(response.status == 201, f"the same offer with all of it is taken: {response.status}")
    check(lab.call("DELETE", response.headers["Location"]).status == 200, "... and its session ended")
    check(lab.participants("offers") == [] and not any(lab.tables().values()), "nothing of all this is left")


def raw(lab, text=b"", timeout=10):
    connection = socket.create_connection((lab.net.relay_kernel["4"], HTTP_PORT), timeout=timeout)
    connection.sendall(text)
    return connection


def read_all(connection):
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except (ConnectionResetError, socket.timeout):
        pass
    return data


def wrong_clients(lab):
    for what, text, answer in [
        ("a head without end", b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000, b" 431 "),
        ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", b" 400 "),
        ("two lengths", b"POST /v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b" 400 "),
    ]:
        with raw(lab, text) as connection:
            said = read_all(connection)
            check(said == b"" or answer in said.split(b"\r\n")[0], f"{what}: {said.split(bytes([13]))[0].decode() or 'closed'}")
    head = (f"POST /v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {token()}\r\n"
            "Content-Length: 100\r\n\r\n{").encode()
    slow = [raw(lab, head) for _ in range(20)]
    silent = [raw(lab) for _ in range(20)]
    started = time.monotonic()
    check(lab.call("GET", "/healthz").status in (200, 204), "with 40 slow clients connected, others are served")
    # A byte now and then does not buy more time: all are let go before these clients are done.
    left, ended = set(slow + silent), set()
    for _ in range(90):
        told, _, _ = select.select(left, [], [], 0.5)
        for connection in told:
            ended.add((read_all(connection).split(b"\r")[0] or b"closed").decode())
            left.remove(connection)
        if not left:
            break
        for connection in left.intersection(slow):
            try:
                connection.send(b" ")
            except OSError:
                pass
    check(not left, f"all are let go {time.monotonic() - started:.1f} s later, after http.request-timeout-s = 2: {sorted(ended)}")
    for connection in slow + silent:
        connection.close()
    crowd = []
    for _ in range(80):
        try:
            crowd.append(raw(lab))
        except OSError:
            pass
    time.sleep(0.5)
    for connection in crowd:
        connection.close()
    wait_until(lambda: lab.call("GET", "/healthz").status in (200, 204), 5, "the crowd is gone")
    check(True, "after 80 connections of 64 at once, the relay still answers")


def wrong_sockets(lab):
    """WebSocket messages that are none."""
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: penstock.v1\r\n"
    head = (f"GET /v1/rooms/w/ws?access_token={token()} HTTP/1.1\r\nHost: {lab.net.relay_kernel['4']}:{HTTP_PORT}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n").encode() + key + b"\r\n"

    def frame(opcode, payload):
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        return bytes([0x80 | opcode]) + length + bytes(4) + payload  # a mask of zeros

    for what, frames, expected in [
        ("no JSON", frame(1, b"hello"), b"bad_message"),
        ("an unknown type", frame(1, b'{"type":"dance"}'), (b"join_first", b"unknown_type")),
        ("publish before join", frame(1, b'{"type":"publish","id":1,"sdp":"","tracks":[]}'), b"join_first"),
        ("a binary message", frame(2, b"\0\1\2"), None),
        ("a message that is not masked", b"\x81\x02{}", None),
    ]:
        with raw(lab, head, timeout=3) as connection:
            first = connection.recv(65536)
            if b" 101 " not in first.split(b"\r\n")[0]:
                check(False, f"the WebSocket opens, but {first[:200]}")
            connection.sendall(frames)
            connection.settimeout(1)
            said = read_all(connection)
            expectations = expected if isinstance(expected, tuple) else (expected,)
            check(expected is None or any(e in said for e in expectations), f"WebSocket: {what}: {said[:80]}")
    check(not lab.participants("w"), "nobody joined by that")


def test(lab):
    wrong_settings(lab)
    wrong_calls(lab)
    wrong_offers(lab)
    wrong_clients(lab)
    wrong_sockets(lab)
    check(lab.dataplane.running() and lab.control.running(), "both daemons live")
    check(lab.call("GET", "/readyz").status == 200, "the relay is ready")
    check("error" not in lab.control.tail(400).lower().replace("errors", ""), "penstockd's log has no error")


need()
run(test, families="46", settings=SETTINGS)
