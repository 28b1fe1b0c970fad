"""The clients: how each is started, what it can, and what is known not to work, with the reason."""

import dataclasses
import importlib.util
import os
import pathlib
import shutil

from lab import ROOT

FOLDER = pathlib.Path(__file__).resolve().parent / "clients"
INSTALLED = pathlib.Path(os.environ.get("INTEROP_DIR", ROOT / "build/interop"))  # where install.sh puts what it builds
VENV = INSTALLED / "venv/bin/python"


@dataclasses.dataclass
class Client:
    words: list
    publish: tuple = ("vp8", "h264")
    play: tuple = ("vp8", "h264")
    quick: tuple = ()  # one codec per direction, in `make test`
    kinds: tuple = ("audio", "video")  # that it sends, or can count
    scenarios: tuple = ("restart", "loss", "reconnect", "kick")  # besides publish and play
    modules: tuple = ()  # of the Python that runs it
    needs: str = ""  # one more program

    def missing(self):
        """Why it cannot run here, or None."""
        for program in filter(None, (self.words[0], self.needs)):
            if shutil.which(program) is None:
                return f"{program} is not installed"
        script = pathlib.Path(self.words[-1])
        if script.suffix == ".mjs" and script.stem in ("node_datachannel", "werift"):
            package = FOLDER / "node_modules" / script.stem.replace("_", "-")
            return None if package.exists() else f"{package.name} is not installed"
        absent = [m for m in self.modules if importlib.util.find_spec(m) is None]
        return f"python modules {absent} are not installed" if absent else None


CLIENTS = {
    "gstreamer": Client(["/usr/bin/python3", str(FOLDER / "gstreamer.py")], quick=("vp8", "h264"), modules=("gi",)),
    "pion": Client([str(INSTALLED / "pion")]),
    "str0m": Client([str(INSTALLED / "str0m")]),
    "libdatachannel": Client(["node", str(FOLDER / "node_datachannel.mjs")], quick=("h264", "vp8")),
    "werift": Client(["node", str(FOLDER / "werift.mjs")], quick=("vp8", "vp8")),
    "ffmpeg": Client([str(VENV), str(FOLDER / "ffmpeg.py")], publish=("h264",), play=(), quick=("h264", None)),
    "aiortc-debian": Client(["/usr/bin/python3", str(FOLDER / "aiortc_client.py")], quick=("vp8", "h264")),
    "aiortc": Client([str(VENV), str(FOLDER / "aiortc_client.py")]),
    "chromium": Client(["/usr/bin/python3", str(FOLDER / "chromium.py")], needs="chromium"),
    "baresip": Client(["/usr/bin/python3", str(FOLDER / "baresip.py")], publish=("opus",), play=("opus",), needs="baresip",
                      kinds=("audio",), scenarios=("reconnect",)),
    "firefox": Client(["node", str(FOLDER / "firefox.mjs")], publish=("vp8",), play=("vp8",), needs="firefox-esr"),
}

# (client, direction, codec, scenario), None for any: why it does not work. One that begins to work fails the run: take it
# out then.
KNOWN = {
    ("libdatachannel", "play", None, "loss"): "node-datachannel 0.33.4 has nothing that asks for what is lost",
}
# The same, for what the relay does not do yet, or what differs from run to run: shown, and never a fault. Take out what is mended.
UNDECIDED = {
    ("werift", "play", None, "loss"): "between 0.6 and 5.3 % of its packets stay lost",
    ("gstreamer", None, None, "kick"): "webrtcbin 1.22 sends on after close_notify and 403",
    ("werift", None, None, "kick"): "it stops, and does not say so in time",
    ("ffmpeg", None, None, "kick"): "it stops, and does not say so in time",
    ("aiortc-debian", None, None, "kick"): "it stops, and does not say so in time",
}


def reason(table, *cell):
    """Of KNOWN or UNDECIDED, or None."""
    return next((why for key, why in table.items() if all(k in (None, c) for k, c in zip(key, cell))), None)


# No way to ask them to; werift 0.24.4 has one, and then sends no check.
CANNOT_RESTART = ("gstreamer", "libdatachannel", "werift", "ffmpeg", "aiortc-debian", "aiortc")
