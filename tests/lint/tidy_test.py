#!/usr/bin/env python3
"""Each rule of tidy.py finds what it is there for, and lets pass what it should."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tidy  # noqa: E402  (after the path is set)
from functions import functions  # noqa: E402

COUNTERS = "dataplane/contract/counters.h"
API, PROTOCOL = "control/api/openapi.json", "control/signalling/PROTOCOL.md"

# number, rule, files, what the only fault says (None: no fault)
CASES = [
    (1, tidy.check_text, {"a.cpp": "int a;\n"}, None),
    (2, tidy.check_text, {"a.cpp": "int a; \n"}, "a.cpp:1: white space"),
    (3, tidy.check_text, {"a.cpp": "\tint a;\n"}, "a.cpp:1: a tab"),
    (4, tidy.check_text, {"GNUmakefile": "a:\n\tb\n"}, None),
    (5, tidy.check_text, {"a.h": "x" * 120 + "\n"}, None),
    (6, tidy.check_text, {"a.h": "\n" + "x" * 121 + "\n"}, "a.h:2: 121 columns"),
    (60, tidy.check_text, {"a.js": "x" * 140 + "\n"}, None),
    (61, tidy.check_text, {"a.js": "x" * 141 + "\n"}, "141 columns"),
    (7, tidy.check_text, {"a.md": "x" * 200 + "\n"}, None),
    (8, tidy.check_text, {"a.h": "// FIX" + "ME later\n"}, "a.h:1: FIX"),
    (9, tidy.check_text, {"a.h": "int a;"}, "no newline"),
    (10, tidy.check_cpp, {"a.h": "// Idea.\n#pragma once\n"}, None),
    (11, tidy.check_cpp, {"a.h": "#pragma once\n"}, "a.h:1: begin with a comment"),
    (15, tidy.check_cpp, {"a/b.cpp": '#include "a/b.h"\n'}, None),
    (16, tidy.check_cpp, {"a/b.cpp": '#include "a/c.h"\n'}, "a/b.cpp:1: begin with a comment"),
    (12, tidy.check_cpp, {"a.h": "// Idea.\n"}, "no #pragma once"),
    (13, tidy.check_cpp, {"a.cpp": "//\nvoid f() {\n" + "  a();\n" * 68 + "}\n"}, None),
    (14, tidy.check_cpp, {"a.cpp": "//\nvoid f() {\n" + "  a();\n" * 69 + "}\n"}, "a.cpp:2: f has 71 lines"),
    (20, tidy.check_borders, {"dataplane/port/a.cpp": "rte_mbuf* m;\n"}, None),
    (21, tidy.check_borders, {"dataplane/relay/a.cpp": "rte_mbuf* m;\n"}, "rte_ outside"),
    (22, tidy.check_borders, {"dataplane/relay/a.cpp": "// as rte_mbuf does\n"}, None),
    (23, tidy.check_borders, {"control/a.cpp": '#include "dataplane/contract/rows.h"\n'}, None),
    (24, tidy.check_borders, {"control/a.cpp": '#include "dataplane/packet/stun.h"\n'}, "more of dataplane/"),
    (25, tidy.check_borders, {"dataplane/a.cpp": '#include "control/room/model.h"\n'}, "includes control/"),
    (26, tidy.check_borders, {"dataplane/packet/a.cpp": "  assert(n > 0);\n"}, "assert on"),
    (27, tidy.check_borders, {"dataplane/packet/a.cpp": "static_assert(n > 0);\n"}, None),
    (30, tidy.check_build_lists, {"a/meson.build": "x(\n  'b.cpp',\n  'c.cpp')\n"}, None),
    (31, tidy.check_build_lists, {"a/meson.build": "x(\n  'c.cpp',\n  'b.cpp')\n"}, "b.cpp is out of order"),
    (32, tidy.check_build_lists, {"a/meson.build": "files('b.cpp')\n", "a/b.cpp": ""}, None),
    (33, tidy.check_build_lists, {"a/meson.build": "files('bb.cpp')\n", "a/b.cpp": ""}, "a/b.cpp: in no meson.build"),
    (34, tidy.check_build_lists, {"a/b.h": ""}, "included by nobody"),
    (35, tidy.check_build_lists, {"a/b.h": "", "a/meson.build": "'c.cpp'", "a/c.cpp": '#include "a/b.h"'}, None),
    (36, tidy.check_build_lists, {"a/meson.build": "files('b/c.cpp')\n", "a/b/c.cpp": ""}, None),
    (40, tidy.check_counters, {COUNTERS: '  X(a, "what a counts")\n', "dataplane/x.cpp": "Counter::a"}, None),
    (41, tidy.check_counters, {COUNTERS: '  X(a, "what a counts")\n', "dataplane/x.cpp": "Counter::ab"}, "counts a"),
    (42, tidy.check_counters, {COUNTERS: '  X(a, "a")\n', "dataplane/x.cpp": "Counter::a"}, "does not say"),
    (50, tidy.check_settings,
     {"config/config.h": "struct HttpConfig {\n  int a = 1;  // x\n};\n", "config/option_table.cpp": "http.a"}, None),
    (51, tidy.check_settings,
     {"config/config.h": "struct HttpConfig {\n  std::string a, b;\n};\n", "config/option_table.cpp": "http.a"},
     "http.b is no option"),
    (70, tidy.check_refusals, {"control/a.cpp": 'refuse(404, "b_c", "x")', API: '"code": {"enum": ["b_c"]}'}, None),
    (71, tidy.check_refusals, {"control/a.cpp": 'Refusal{404, "b_c", "x"}', PROTOCOL: "codes: `a b_c`"}, None),
    (72, tidy.check_refusals, {"control/a.cpp": 'badRequest("b_c", "x")', API: '"code": {"enum": []}'}, "b_c is neither"),
    (73, tidy.check_refusals, {API: '"code": {"enum": ["b_c"]}'}, "nothing refuses with b_c"),
    (80, tidy.check_secrets, {"control/a.cpp": "if (x.resume_token == y) f();\n"}, "a.cpp:1: compares a secret"),
    (81, tidy.check_secrets, {"control/a.cpp": "if (x != y->ice_pwd) f();\n"}, "a.cpp:1: compares a secret"),
    (82, tidy.check_secrets, {"control/a.cpp": "x.resume_token = y;  // resume_token == y\n"}, None),
    (83, tidy.check_secrets, {"control/a.cpp": "equalInConstantTime(x.resume_token, y)\n"}, None),
]

FUNCTIONS = """// f() { not this
namespace a {
class B : public C {
 public:
  B() : x_{1}, y_(2) {}
  int get() const {
    return x_;
  }
};
constexpr int kTable[] = {
    1,
};
template <class T>
int long_one(T t,
             int b) {
  if (t) {
    for (;;) {
    }
  }
  return '}' + "}{"[0];
}
}
"""


class Tidy(unittest.TestCase):
    def test_rules(self):
        for number, rule, files, expected in CASES:
            faults = list(rule(files))
            with self.subTest(case=number, faults=faults):
                self.assertEqual(len(faults), 0 if expected is None else 1)
                self.assertIn(expected or "", faults[0] if faults else "")

    def test_functions_are_found_with_their_lengths(self):
        found = [f for f in functions(FUNCTIONS) if f[2] > 1]
        self.assertEqual([(f[0], f[1], f[2]) for f in found], [("get", 6, 3), ("long_one", 13, 9)])

    def test_scripts_that_do_not_parse_are_found(self):
        folder = pathlib.Path(__file__).parent
        self.assertEqual(list(tidy.check_syntax(folder, ["tidy.py"])), [])


if __name__ == "__main__":
    unittest.main()
