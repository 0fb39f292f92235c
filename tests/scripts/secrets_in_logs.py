#!/usr/bin/env python3
"""Looks for every secret that the tests used in every log that they wrote.

secrets_in_logs.py start DIRECTORY   before the tests: an empty directory
secrets_in_logs.py check DIRECTORY   after them: exit 1 and the places, if a log has a secret
"""

import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Keys that tests hold as text; no server sees them.
KEYS = ("tests/unit/backends/oci_test_key.h",)
BASE64_LINE = re.compile(r"^[A-Za-z0-9+/]{40,}={0,2}$", re.MULTILINE)


def start(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def secrets_of(directory):
    secrets = set()
    for path in directory.glob("*.secrets"):
        secrets.update(path.read_bytes().splitlines())
    for key in KEYS:
        secrets.update(line.encode() for line in BASE64_LINE.findall((ROOT / key).read_text()))
    return sorted(secret for secret in secrets if len(secret) >= 8)


def check(directory):
    """The places where a log has a secret: (log, a few of its bytes)."""
    secrets = secrets_of(directory)
    logs = sorted(directory.glob("*.log"))
    text = b"\n".join(log.read_bytes() for log in logs)
    found = [secret for secret in secrets if secret in text]
    print(f"{len(secrets)} secrets, {len(logs)} logs of {len(text)} bytes, {len(found)} secrets found")
    return [(log.name, secret[:8]) for secret in found for log in logs if secret in log.read_bytes()]


def main(arguments):
    command, directory = arguments
    if command == "start":
        start(pathlib.Path(directory))
        return 0
    places = check(pathlib.Path(directory))
    for log, beginning in places:
        print(f"{log} has the secret that begins with {beginning.decode(errors='replace')}")
    return 1 if places else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
