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
    audio: bool = True  # it can say how many packets of sound there were
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
    "ffmpeg": Client([str(VENV), str(FOLDER / "ffmpeg.py")], publish=("h264",), play=(), quick=("h264", None), audio=False),
    "aiortc-debian": Client(["/usr/bin/python3", str(FOLDER / "aiortc_client.py")], quick=("vp8", "h264")),
    "aiortc": Client([str(VENV), str(FOLDER / "aiortc_client.py")]),
    "chromium": Client(["/usr/bin/python3", str(FOLDER / "chromium.py")], needs="chromium"),
    "firefox": Client(["node", str(FOLDER / "firefox.mjs")], publish=("vp8",), play=("vp8",), needs="firefox-esr"),
}

# (client, direction, scenario): why it does not work. One that begins to work fails the run: take it out then.
KNOWN = {}
# No way to ask them to; werift 0.24.4 has one, and then sends no check.
CANNOT_RESTART = ("gstreamer", "libdatachannel", "werift", "ffmpeg", "aiortc-debian", "aiortc")
