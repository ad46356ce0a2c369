"""Whose text it is: the licence that a folder or a file states, and the repository it came from."""

import configparser
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

NAMES = re.compile(r"(licen[cs]e|copying|unlicense)([.-].*)?$", re.I)
READ = 20_000
TAG = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?:\s+(?:OR|AND|WITH)\s+[A-Za-z0-9.+-]+)*)")
PHRASES = (
    ("Apache-2.0", r"apache license\s+version 2\.0"),
    ("AGPL-3.0", r"gnu affero general public license\s+version 3"),
    ("LGPL-3.0", r"gnu lesser general public license\s+version 3"),
    ("LGPL-2.1", r"gnu lesser general public license\s+version 2\.1"),
    ("GPL-3.0", r"gnu general public license\s+version 3"),
    ("GPL-2.0", r"gnu general public license\s+version 2"),
    ("MPL-2.0", r"mozilla public license,? version 2\.0"),
    ("BSD-3-Clause", r"redistribution and use in source and binary forms[\s\S]*neither the name"),
    ("BSD-2-Clause", r"redistribution and use in source and binary forms"),
    ("ISC", r"permission to use, copy, modify, and/?o?r? distribute this software for any purpose with or without fee"),
    ("MIT", r"permission is hereby granted, free of charge, to any person obtaining a copy"),
    ("CC-BY-NC-SA-4.0", r"attribution-noncommercial-sharealike 4\.0"),
    ("CC-BY-NC-4.0", r"attribution-noncommercial 4\.0"),
    ("CC-BY-SA-4.0", r"attribution-sharealike 4\.0"),
    ("CC-BY-4.0", r"attribution 4\.0 international"),
    ("CC0-1.0", r"cc0 1\.0 universal"),
    ("Unlicense", r"this is free and unencumbered software released into the public domain"),
)
"""SPDX names by what only that licence says; the more special before the more general."""


def licence_of(text: str) -> str:
    """SPDX name of the licence that a text is or states, "" where it is none of those known."""
    tag = TAG.search(text[:READ])
    if tag:
        return tag[1]
    plain = re.sub(r"\s+", " ", text[:READ].lower())
    return next((name for name, phrase in PHRASES if re.search(phrase, plain)), "")


def folder_licence(root: Path) -> str:
    """The licence in a folder's LICENSE or COPYING, "" where there is none; unknown ones by the file's name."""
    for path in sorted(p for p in root.iterdir() if NAMES.match(p.name) and p.is_file()):
        with path.open("rb") as stream:
            found = licence_of(stream.read(READ).decode("utf-8", "replace"))
        return found or f"see {path.name}"
    return ""


def folder_repo(root: Path) -> str:
    """Where a git checkout was cloned from, without user name and password, "" where the folder is none."""
    config = root / ".git" / "config"
    if not config.is_file():
        return ""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(config.read_text("utf-8", "replace"))
    except configparser.Error:  # a damaged checkout is still a folder of text
        return ""
    url = parser.get('remote "origin"', "url", fallback="")
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.hostname or "", parts.path, "", "")) if "@" in parts.netloc else url
