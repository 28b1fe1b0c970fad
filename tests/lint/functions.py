"""Finds the functions of a C++ file and their lengths, by their braces: enough for code that clang-format laid out."""

import re

BLANK = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n]){1,8}\'', re.S)
SCOPE = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b[^()]*$")
LEAD = re.compile(r"(?:\s|\b(?:public|protected|private)\s*:)*")
HEAD = re.compile(r"([~\w:]+|operator[^\s(]+)\s*\(")


def strip(text):
    """The same text with comments, strings and preprocessor lines blanked; lines stay where they are."""
    text = BLANK.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.M)


def functions(text):
    """(name, first line, number of lines) of each function with a body, in order."""
    text = strip(text)
    found = []
    scopes = []  # of each open brace: "scope", "function" (with its beginning), or "other"
    begin = 0  # where the present declaration began
    for i, c in enumerate(text):
        if c == "{":
            head = text[begin:i]
            outer = all(s[0] == "scope" for s in scopes)
            if outer and SCOPE.search(head) and not re.search(r"[)=]\s*$", head):
                scopes.append(("scope", i))
            elif outer and "(" in head and not re.search(r"=\s*$", head):
                lead = LEAD.match(head).end()
                scopes.append(("function", begin + lead, head[lead:]))
            else:
                scopes.append(("other", i))
            if scopes[-1][0] == "scope":
                begin = i + 1
        elif c == "}" and scopes:
            scope = scopes.pop()
            # Members set with braces (`: a_{1}, b_{2} {`) are no bodies: the function goes on after them.
            goes_on = re.match(r"\s*[,{]", text[i + 1:i + 80])
            if scope[0] == "function" and not goes_on:
                first = text.count("\n", 0, scope[1]) + 1
                name = HEAD.search(scope[2])
                found.append((name.group(1) if name else "?", first, text.count("\n", 0, i) + 2 - first))
            if all(s[0] == "scope" for s in scopes) and not goes_on:
                begin = i + 1
        elif c == ";" and all(s[0] == "scope" for s in scopes):
            begin = i + 1
    return found
