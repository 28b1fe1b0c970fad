#!/usr/bin/python3
"""axe-core finds nothing wrong (WCAG 2.2 A and AA, and its best practices) in what people see, in each language and
colour scheme: the lobby, a room with its list and its dialogs, the page after it, the operator's page. Words are in the
language that the browser asks for."""

import json
import pathlib

from browser import Browser
from conference import in_room, open_page, own_id, page_url, wait_for_legs
from lab import check, need, run, skip, token, wait_until

AXE = pathlib.Path(__file__).parent / "node_modules/axe-core/axe.min.js"
ROOM = "accessible"
FINDINGS = """axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) => ({
  rules: passes.length,
  found: violations.flatMap(({ id, nodes }) => nodes.map((n) => `${id}: ${n.target} ${n.any[0]?.message ?? ''}`)),
}))"""
LANGUAGES = {"en": "Join a room", "fr": "Rejoindre un salon"}


def judge(page, what):
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text() + ";0")
    result = page.evaluate(FINDINGS, timeout=60)
    for line in result["found"]:
        print(f"  {line}")
    check(not result["found"] and result["rules"] > 5, f"{what}: {result['rules']} rules, {len(result['found'])} faults")


def scheme(page, value):
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value},
                                                        {"name": "prefers-reduced-motion", "value": "reduce"}])


def in_language(lab, browser, language):
    """The page as a browser of that language shows it."""
    page = browser.open("about:blank", f"Visitor ({language})")
    page.send("Emulation.setUserAgentOverride", userAgent="test", acceptLanguage=f"{language}-XX,de")
    return page


def lobby(lab, browser, language, title):
    page = in_language(lab, browser, language)
    page.goto(f"{lab.url}/?room={ROOM}&name=Ada")
    wait_until(lambda: page.evaluate("document.getElementById('lobby')?.hidden === false"), 10, "the lobby is there")
    told = page.evaluate("[document.documentElement.lang, document.querySelector('h1').textContent]")
    check(told == [language, title], f"the lobby speaks {told}")
    for colours in ("dark", "light"):
        scheme(page, colours)
        page.evaluate("document.getElementById('join-name').value = ''")
        page.evaluate("document.getElementById('join-form').requestSubmit()")  # with a field that is wrong
        judge(page, f"lobby, {language}, {colours}")
    page.close()


def room(lab, browser):
    ada, bob = (open_page(lab, browser, ROOM, name, lang=language) for name, language in (("Ada", "fr"), ("Bob", "en")))
    for page in (ada, bob):
        wait_until(lambda: in_room(page), 10, f"{page.name} is in the room")
    wait_for_legs([ada, bob], 2)
    for page in (ada, bob):
        for colours in ("dark", "light"):
            scheme(page, colours)
            judge(page, f"room, {page.name}, {colours}")
            page.evaluate("document.getElementById('control-people').click()")
            judge(page, f"room with its list, {page.name}, {colours}")
            page.evaluate("document.getElementById('control-people').click()")
            for button in ("help-button", "connection-button", "control-settings"):
                page.evaluate(f"document.getElementById('{button}').click()")
                wait_until(lambda: page.evaluate("document.getElementById('dialog').open"), 5, f"{button} opens a dialog")
                judge(page, f"dialog of {button}, {page.name}, {colours}")
                page.evaluate("document.getElementById('dialog').close()")
    lab.call("DELETE", f"/v1/rooms/{ROOM}/participants/{own_id(ada)}")
    wait_until(lambda: ada.evaluate("penstock.state.phase") == "ended", 5, "Ada is removed")
    title = ada.evaluate("document.getElementById('ended-title').textContent")
    check(title == "Vous avez été exclu du salon", f"Ada's page says: {title}")
    judge(ada, "the page after the room")


def status(lab, browser, language, colours):
    page = in_language(lab, browser, language)
    page.goto(f"{lab.url}/status?token={token()}")
    wait_until(lambda: page.evaluate("document.querySelectorAll('#outcomes .row').length > 0"), 10, "the operator's page has figures")
    scheme(page, colours)
    judge(page, f"operator's page, {language}, {colours}")
    told = page.evaluate("[document.title, document.querySelector('#cards span').textContent]")
    expected = {"en": ["Status · Penstock", "Rooms"], "fr": ["État · Penstock", "Salons"]}[language]
    check(told == expected, f"the operator's page speaks {language}: {json.dumps(told, ensure_ascii=False)}")
    page.close()


def test(lab):
    with Browser(lab.url) as browser:
        for language, title in LANGUAGES.items():
            lobby(lab, browser, language, title)
        room(lab, browser)
        for language, colours in (("en", "light"), ("fr", "dark")):
            status(lab, browser, language, colours)


need("chromium")
if not AXE.exists():
    skip("axe-core is not installed: make deps")
run(test, families="4")
