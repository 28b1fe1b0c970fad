#!/usr/bin/python3
"""baresip: a telephone with SDES keys (RFC 4568), on a plain transport. This script is the PBX that it calls."""

import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from contract import count, listen, options, request, say, session, start

HOST, SIP_PORT = "198.18.0.2", 5070
PROFILE = "AES_CM_128_HMAC_SHA1_80"
OUR_KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"  # RFC 4568 appendix A's, good for one call in a namespace
CONFIG = f"""
sip_listen {HOST}:5062
module_path /usr/lib/baresip/modules
module opus.so
module ausine.so
module aufile.so
module srtp.so
module_app account.so
module_app menu.so
audio_source ausine,440
audio_player aufile,/dev/null
"""


def answer_to(invite, body):
    """Makes the plain transport that the telephone's offer asks for; SDP of where it is."""
    port, payload_type = re.search(r"m=audio (\d+) \S+ (\d+)", body).groups()
    ssrc, key = re.search(r"a=ssrc:(\d+)", body), re.search(rf"a=crypto:(\d+) {PROFILE} inline:([^|\s]+)", body)
    codec = [{"name": "opus", "payload_type": int(payload_type)}]
    members = {"name": "baresip", "remote": {"address": HOST, "port": int(port)},
               "srtp": {"profile": PROFILE, "receive_key": key[2], "send_key": OUR_KEY}}
    if options.direction == "publish":
        members["publish"] = [{"codecs": codec, **({"ssrc": int(ssrc[1])} if ssrc else {})}]
    else:
        members["subscribe"] = {"codecs": codec}
    base, room = re.match(r"(.*)/wh[ei]p/([^/?]+)", options.url).groups()
    start()
    url = f"{base}/v1/rooms/{room}/plain-transports"
    status, fields, text = request("POST", url, json.dumps(members), **{"Content-Type": "application/json"})
    if status != 201:
        say("refused", status=status, body=text, offer=body)
        return None
    session["location"] = urllib.parse.urljoin(url, fields["Location"])
    relay = json.loads(text)["local"][0]
    say("posted", answer=text)
    rtpmap = re.search(rf"a=rtpmap:{payload_type} \S+", body)[0]
    return (f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {relay['address']}\r\nt=0 0\r\n"
            f"m=audio {relay['port']} RTP/SAVP {payload_type}\r\n"
            f"{rtpmap}\r\na=crypto:{key[1]} {PROFILE} inline:{OUR_KEY}\r\na=sendrecv\r\n")


def pbx(sip):
    while True:
        data, source = sip.recvfrom(65536)
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        method = head.split(" ", 1)[0]
        if method not in ("INVITE", "BYE"):
            continue
        kept = [line for line in head.split("\r\n")[1:] if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq")]
        kept = [line + ";tag=pbx" if line.lower().startswith("to:") and "tag=" not in line else line for line in kept]
        sdp = answer_to(head, body) if method == "INVITE" else ""
        if method == "BYE":
            say("ended", state="bye")
        first = "SIP/2.0 200 OK" if sdp is not None else "SIP/2.0 488 Not Acceptable Here"
        lines = [first, *kept, f"Contact: <sip:relay@{HOST}:{SIP_PORT}>", "Content-Type: application/sdp",
                 f"Content-Length: {len(sdp or '')}"]
        sip.sendto(("\r\n".join(lines) + "\r\n\r\n" + (sdp or "")).encode(), source)
        if sdp:
            say("connected")


def main():
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.bind((HOST, SIP_PORT))
    threading.Thread(target=pbx, args=(sip,), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config").write_text(CONFIG)
        pathlib.Path(folder, "accounts").write_text(f"<sip:client@{HOST}>;regint=0;mediaenc=srtp-mand;audio_codecs=opus\n")
        words = ["baresip", "-4", "-f", folder, "-e", f"/dial sip:relay@{HOST}:{SIP_PORT}"]
        phone = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def stop():
            phone.kill()
            if session["location"]:
                request("DELETE", session["location"])
            os._exit(0)
        listen(stop)
        last, second = [], ""
        for line in phone.stdout:  # each second, again and again: `[0:00:06] audio=SENT/RECEIVED (bit/s)`
            last = [*last[-8:], line.strip()]
            seen = re.search(r"\[(\S+)\] audio=(\d+)/(\d+)", line)
            if seen and seen[1] != second:
                second = seen[1]
                count("audio", 50 if int(seen[2 if options.direction == "publish" else 3]) else 0)
        say("ended", state=str(phone.wait()), log=last)


main()
