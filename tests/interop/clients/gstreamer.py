#!/usr/bin/python3
"""GStreamer's webrtcbin."""

import os

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from contract import count, end, listen, options, post, say  # noqa: E402

ENCODERS = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=30 target-bitrate=300000 ! rtpvp8pay picture-id-mode=2 pt=96",
    "vp9": "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=300000 ! rtpvp9pay picture-id-mode=2 pt=96",
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=30 ! video/x-h264,profile=constrained-baseline"
            " ! rtph264pay config-interval=-1 aggregate-mode=1 pt=96",
}
CAPS = {
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
    "video": f"application/x-rtp,media=video,encoding-name={options.codec.upper()},payload=96,clock-rate=90000,"
             "rtcp-fb-nack=true,rtcp-fb-nack-pli=true",
}
SOURCES = ["audiotestsrc is-live=true wave=sine freq=1000 ! opusenc ! rtpopuspay pt=97",
           "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! videoconvert ! "
           + ENCODERS.get(options.codec, "")]

Gst.init(None)
loop = GLib.MainLoop()
sources = SOURCES if options.direction == "publish" else ["fakesrc num-buffers=0 ! fakesink"]  # one element is no pipeline
pipeline = Gst.parse_launch("webrtcbin name=web bundle-policy=max-bundle "
                            + " ".join(f"{s} ! queue ! web." if options.direction == "publish" else s for s in sources))
webrtc = pipeline.get_by_name("web")


def watch(pad):
    """Counts what goes through. The payload type tells the kind."""
    def probe(_, info):
        data = info.get_buffer().extract_dup(0, 2)
        count("audio" if data[1] & 127 == 97 else "video")
        return Gst.PadProbeReturn.OK
    pad.add_probe(Gst.PadProbeType.BUFFER, probe)


def came(_, pad):
    if pad.direction != Gst.PadDirection.SRC:
        return
    watch(pad)
    sink = Gst.ElementFactory.make("fakesink")
    sink.set_property("sync", False)
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))


def offered(promise, *_):
    promise.wait()
    reply = promise.get_reply()  # owns the offer
    webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


def gathered(*_):
    if webrtc.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    try:
        answer = post(webrtc.get_property("local-description").sdp.as_text())
    except SystemExit as left:
        os._exit(left.code)
    _, message = GstSdp.SDPMessage.new_from_text(answer)
    webrtc.emit("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message),
                Gst.Promise.new())


def changed(*_):
    state = webrtc.get_property("connection-state").value_nick
    if state == "connected":
        say("connected")
        if options.direction == "publish":
            for i in range(2):
                watch(webrtc.get_static_pad(f"sink_{i}"))
    elif state in ("failed", "disconnected", "closed"):
        say("ended", state=state)


def failed(_, message):
    error, _ = message.parse_error()
    say("ended", state="error", error=str(error))


webrtc.connect("notify::ice-gathering-state", gathered)
webrtc.connect("notify::connection-state", changed)
if options.direction == "play":
    webrtc.connect("pad-added", came)
    for caps in CAPS.values():
        way = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        webrtc.emit("add-transceiver", way, Gst.Caps.from_string(caps)).set_property("do-nack", True)
else:
    for i in range(2):
        transceiver = webrtc.emit("get-transceiver", i)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("do-nack", True)
webrtc.connect("on-negotiation-needed", lambda *_: webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offered)))
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", failed)
listen(loop.quit)  # webrtcbin 1.22 cannot restart ICE
pipeline.set_state(Gst.State.PLAYING)
loop.run()
end()
os._exit(0)
