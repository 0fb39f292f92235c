#!/usr/bin/env python3
"""What `cmake --install` puts on a machine works from there: the binary, mount(8)'s helper, the systemd unit."""
import os
import pathlib
import subprocess
import tempfile

with tempfile.TemporaryDirectory() as prefix:
    root = pathlib.Path(prefix)
    subprocess.run(["cmake", "--install", os.environ["SKYBRIDGE_BUILD"], "--prefix", prefix], check=True)
    version = subprocess.run([root / "bin/skybridge", "version"], check=True, capture_output=True, text=True)
    assert version.stdout.startswith("skybridge "), version.stdout
    # -f of mount(8): all but the mount itself.
    subprocess.run([root / "sbin/mount.skybridge", "azure", "/nowhere", "-f", "-o", "ro"], check=True)
    assert (root / "lib/systemd/system/skybridge-mount@.service").is_file()
