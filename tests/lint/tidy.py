#!/usr/bin/env python3
"""The rules of this repository that a program can check. `make lint` runs it; each line it prints is one fault."""

import pathlib
import re
import subprocess
import sys

from functions import functions

LINE_MAX = 120
LINE_MAX_UNFORMATTED = 140  # of files that no formatter lays out: scripts, style sheets, build lists
FUNCTION_MAX = 70
FILE_LONG = 300  # a warning: a file has one idea
CPP = (".cpp", ".h")
CODE = (*CPP, ".py", ".mjs", ".js", ".sh", ".css")
BANNED = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
DPDK_FOLDERS = ("dataplane/port/", "dataplane/worker/", "tests/port/", "tests/worker/")
PURE_FOLDERS = ("dataplane/packet/", "dataplane/relay/", "dataplane/srtp/", "dataplane/stream/")


def lines_of(text):
    return enumerate(text.split("\n"), 1)


def check_text(files):
    """White space, line length, marks of unfinished work."""
    for path, text in files.items():
        if text and not text.endswith("\n"):
            yield f"{path}: no newline at the end"
        for number, line in lines_of(text):
            if line != line.rstrip() and not path.endswith(".md"):
                yield f"{path}:{number}: white space at the end of the line"
            if "\t" in line and not path.endswith(("GNUmakefile", ".go", "go.mod")):
                yield f"{path}:{number}: a tab"
            columns_max = LINE_MAX if path.endswith(CPP) else LINE_MAX_UNFORMATTED
            if len(line) > columns_max and path.endswith((*CODE, "meson.build")):
                yield f"{path}:{number}: {len(line)} columns, more than {columns_max}"
            for word in BANNED:
                if re.search(rf"\b{word}\b", line):
                    yield f"{path}:{number}: {word}: finish it, or file an issue"


def check_cpp(files):
    """Functions fit a screen; a file begins with its idea; headers guard themselves."""
    for path, text in files.items():
        if not path.endswith(CPP):
            continue
        own_header = f'#include "{path.removesuffix(".cpp")}.h"'  # says the idea already
        if not text.startswith(("//", "/*", own_header)):
            yield f"{path}:1: begin with a comment that says the file's one idea"
        if path.endswith(".h") and "#pragma once" not in text:
            yield f"{path}: no #pragma once"
        for name, first, length in functions(text):
            if length > FUNCTION_MAX:
                yield f"{path}:{first}: {name} has {length} lines, more than {FUNCTION_MAX}"


def check_borders(files):
    """Who may see what: DPDK only in two folders, only the contract across the seam, no assert on packets."""
    for path, text in files.items():
        if not path.endswith(CPP):
            continue
        for number, line in lines_of(text):
            code = line.split("//")[0]
            if re.search(r"\brte_\w", code) and not path.startswith(DPDK_FOLDERS):
                yield f"{path}:{number}: rte_ outside dataplane/port and dataplane/worker"
            if path.startswith("control/") and re.search(r'#include "dataplane/(?!contract/)', line):
                yield f"{path}:{number}: control/ includes more of dataplane/ than the contract"
            if path.startswith("dataplane/") and '#include "control/' in line:
                yield f"{path}:{number}: dataplane/ includes control/"
            if path.startswith(PURE_FOLDERS) and re.search(r"(?<!static_)\bassert\s*\(", code):
                yield f"{path}:{number}: assert on what comes from the network"


def check_secrets(files):
    """A comparison that ends at the first difference tells how much of a guess was right."""
    secret = r"\b(?:resume_token|ice_pwd|remote_pwd|signature|session_secret)\b"
    for path, text in files.items():
        if not path.startswith("control/") or not path.endswith(CPP):
            continue
        for number, line in lines_of(text):
            if re.search(rf"{secret}\s*[!=]=|[!=]=\s*[\w.>*-]*{secret}", line.split("//")[0]):
                yield f"{path}:{number}: compares a secret: equalInConstantTime()"


def check_build_lists(files):
    """Each source is in a build list, each list is sorted, each header is included by somebody."""
    builds = {p: t for p, t in files.items() if p.endswith("meson.build")}
    for path, text in builds.items():
        previous = (0, "")
        for number, line in lines_of(text):
            entry = re.fullmatch(r"\s+'([^'/]+\.(?:cpp|h|py|mjs))',?\)?", line)
            if not entry:
                continue
            if previous[0] == number - 1 and previous[1] > entry[1]:
                yield f"{path}:{number}: {entry[1]} is out of order"
            previous = (number, entry[1])
    included = {m for t in files.values() for m in re.findall(r'#include "([^"]+)"', t)}
    for path in files:
        folder, _, name = path.rpartition("/")
        if path.endswith(".cpp"):
            parents = [folder] + [folder.rsplit("/", n)[0] for n in range(1, folder.count("/") + 1)]
            listed = any(re.search(rf"['/]{re.escape(name)}'", builds.get(f"{p}/meson.build", "")) for p in parents)
            if not listed:
                yield f"{path}: in no meson.build"
        if path.endswith(".h") and path not in included:
            yield f"{path}: included by nobody"


def check_counters(files):
    """Every counter says what it counts, and something counts it."""
    header = "dataplane/contract/counters.h"
    users = "\n".join(t for p, t in files.items() if p.startswith("dataplane/") and p.endswith(CPP) and p != header)
    used = set(re.findall(r"\w+", users))
    for name, text in re.findall(r'^  X\((\w+), "([^"]*)"\)', files.get(header, ""), re.M):
        if name not in used:
            yield f"{header}: nothing counts {name}"
        if len(text) < 10:
            yield f"{header}: {name} does not say what it counts"


def check_settings(files):
    """Every member of Config is an option of the table."""
    table = files.get("config/option_table.cpp", "")
    structs = re.findall(r"^struct (\w+)Config \{\n(.*?)^\};", files.get("config/config.h", ""), re.M | re.S)
    for struct, body in structs:
        for line in body.split("\n"):
            declaration = re.sub(r"=[^,;]*(?=[,;])|\{[^}]*\}", "", line.split("//")[0])
            for name in re.findall(r"\b(\w+)\s*(?=[,;])", declaration):
                if f"{struct.lower()}.{name}" not in table:
                    yield f"config/config.h: {struct.lower()}.{name} is no option of option_table.cpp"


def check_refusals(files):
    """Every code that a client may be refused with is described for clients, and what is described exists."""
    description, protocol = files.get("control/api/openapi.json", ""), files.get("control/signalling/PROTOCOL.md", "")
    listed = re.search(r'"code": \{[^}]*"enum": \[([^\]]*)\]', description)
    described = set(re.findall(r'"([a-z_]+)"', listed[1] if listed else ""))
    told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", protocol))))
    used = {}
    for path, text in files.items():
        if path.startswith("control/") and path.endswith(".cpp"):
            for code in re.findall(r'(?:\b[45]\d\d, |badRequest\(|unauthorised\()"([a-z_]+)"', text):
                used.setdefault(code, path)
    for code, path in used.items():
        if code not in described | told:
            yield f"{path}: {code} is neither in openapi.json nor in PROTOCOL.md"
    for code in sorted(described - set(used)):
        yield f"control/api/openapi.json: nothing refuses with {code}"


def check_syntax(root, paths):
    """Scripts that no compiler sees."""
    for path in paths:
        if path.endswith(".py"):
            try:
                compile((root / path).read_text(encoding="utf-8"), path, "exec")
            except SyntaxError as error:
                yield f"{path}:{error.lineno}: {error.msg}"
            continue
        words = ["node", "--check"] if path.endswith((".mjs", ".js")) else ["bash", "-n"]
        if path.endswith((".mjs", ".js", ".sh")):
            done = subprocess.run([*words, root / path], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                yield f"{path}: {done.stderr.strip()}"


RULES = (check_text, check_cpp, check_borders, check_secrets, check_build_lists, check_counters, check_settings, check_refusals)


def long_files(files):
    for path, text in files.items():
        count = text.count("\n")
        if path.endswith(CODE) and count > FILE_LONG:
            yield f"{path}: {count} lines: does it have one idea?"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    git = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z"]
    paths = [p for p in subprocess.run(git, check=True, capture_output=True, text=True).stdout.split("\0") if p]
    files = {}
    for path in paths:
        if path.endswith(".bin"):
            continue  # a packet, even if it happens to read as text
        try:
            files[path] = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture, a packet; or removed and not committed yet
    files.pop("LICENSE", None)
    faults = [fault for rule in RULES for fault in rule(files)] + list(check_syntax(root, files))
    for fault in faults:
        print(fault)
    for warning in long_files(files):
        print(f"warning: {warning}")
    print(f"tidy: {len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
