#!/usr/bin/env python3
"""Writes openapi.json into a C++ source, so that the relay describes itself without looking for a file."""
import json
import sys

text = open(sys.argv[1], encoding="utf-8").read()
json.loads(text)  # a description that cannot be read must not be built
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write('#include "control/api/openapi.h"\n\nnamespace penstock {\n\n')
    out.write('const std::string_view kOpenApi = R"openapi(' + text + ')openapi";\n\n}  // namespace penstock\n')
