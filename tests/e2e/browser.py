"""Chromium, driven over a pipe by its DevTools protocol: no driver, no library, no port to find.

    with Browser(secure="http://198.18.0.3:8080") as browser:
        page = browser.open(url)
        page.evaluate("document.title")
"""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

from lab import PATIENCE, Failed, dies_with_us
from namespaces import PREFIX

ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-dev-shm-usage",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--mute-audio",
    "--disable-backgrounding-occluded-windows", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


class Browser:
    def __init__(self, secure):
        """`secure`: an origin that may have the camera although it is plain HTTP."""
        self.profile = tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-browser-", dir="/tmp")
        to_browser, self.writer = os.pipe()
        self.reader, from_browser = os.pipe()

        def child():
            dies_with_us()
            # Chromium reads commands from 3 and answers on 4; they may be in each other's way here.
            os.dup2(to_browser, 98)
            os.dup2(from_browser, 99)
            os.dup2(98, 3)
            os.dup2(99, 4)

        words = ["chromium", *ARGUMENTS, f"--user-data-dir={self.profile}", "--remote-debugging-pipe",
                 f"--unsafely-treat-insecure-origin-as-secure={secure}"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(os.path.join(self.profile, "log"), "wb"), close_fds=False,
                                        preexec_fn=child, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.buffer, self.answers, self.pages = 0, b"", {}, {}
        self.send("Browser.getVersion", timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for page in self.pages.values():
                print(f"--- page {page.name}: {page.describe()}")
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # its own session: the renderers too
        except ProcessLookupError:
            pass
        self.process.wait(10)
        os.close(self.reader)
        os.close(self.writer)
        shutil.rmtree(self.profile, ignore_errors=True)

    def send(self, method, session=None, timeout=20, **params):
        return self.result(self.post(method, session, **params), method, timeout)

    def post(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        return self.number

    def result(self, number, method, timeout=20):
        end = time.monotonic() + PATIENCE * timeout
        while number not in self.answers:
            self.pump(end - time.monotonic(), method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"browser: {method}: {answer['error']['message']}")
        return answer["result"]

    def pump(self, timeout, waiting_for):
        if not select.select([self.reader], [], [], max(0, timeout))[0]:
            raise Failed(f"the browser did not answer {waiting_for} in time")
        data = os.read(self.reader, 1 << 20)
        if not data:
            raise Failed("the browser is gone")
        *whole, self.buffer = (self.buffer + data).split(b"\0")
        for text in whole:
            message = json.loads(text)
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].event(message)

    def open(self, url, name, script=None):
        """A page with a profile of its own. `script` runs before those of the page."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context, width=640, height=480)
        session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.send("Browser.grantPermissions", browserContextId=context, permissions=["audioCapture", "videoCapture"])
        page = Page(self, session, context, name)
        self.pages[session] = page
        for domain in ("Runtime", "Page"):
            page.send(f"{domain}.enable")
        if script:
            page.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        page.goto(url)
        return page


class Page:
    def __init__(self, browser, session, context, name):
        self.browser, self.session, self.context, self.name, self.complaints = browser, session, context, name, []

    def send(self, method, **params):
        return self.browser.send(method, self.session, **params)

    def event(self, message):
        params = message["params"]
        if message["method"] == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif message["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(" ".join(str(a.get("value") or a.get("description")) for a in params["args"]))

    def goto(self, url):
        self.send("Page.navigate", url=url)

    def post(self, expression):
        return self.browser.post("Runtime.evaluate", self.session, expression=expression, awaitPromise=True,
                                 returnByValue=True)

    def take(self, number, timeout=20):
        result = self.browser.result(number, "Runtime.evaluate", timeout)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Failed(f"page {self.name}: {details.get('exception', {}).get('description') or details['text']}")
        return result["result"].get("value")

    def evaluate(self, expression, timeout=20):
        """The value of an expression or promise."""
        return self.take(self.post(expression), timeout)

    def describe(self):
        try:
            state = self.evaluate("""JSON.stringify({phase: window.penstock?.state.phase, url: location.href,
                error: penstock.state.join_error, ended: penstock.state.ended, people: penstock.participants(),
                publish: penstock.publishConnection?.connectionState, subscribe: penstock.subscribeConnection?.connectionState})""",
                                  timeout=5)
        except Failed as failed:
            state = str(failed)
        return "\n".join([str(state), *self.complaints[-10:]])

    def close(self):
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
        self.browser.pages.pop(self.session, None)


def all_of(pages, expression, timeout=20):
    """The same question to all, asked before the first answer is waited for."""
    numbers = [page.post(expression) for page in pages]
    return [page.take(number, timeout) for page, number in zip(pages, numbers)]
