"""Bad days of the real program: a killed server, a full or read-only cache, no /dev/fuse. Each ends in seconds, clearly.

SKYBRIDGE_BUILD names the build directory."""

import base64
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import quickstart_run as quickstart  # noqa: E402

BUILD = pathlib.Path(os.environ["SKYBRIDGE_BUILD"]).resolve()
SKYBRIDGE = BUILD / "skybridge"
PATIENCE_SECONDS = 2  # unreachable_after of the remotes
SOON_SECONDS = 30  # for machines that are busy
NOBODY = 65534


class Bench(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="skybridge-bad-day."))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.key = base64.b64encode(secrets.token_bytes(64)).decode()
        self.start_cloud()
        configuration = quickstart.make_configuration(self.cloud.ready)
        for remote in configuration["remotes"].values():
            remote["unreachable_after"] = f"{PATIENCE_SECONDS}s"
        self.configuration = self.work / "config.json"
        self.configuration.write_text(json.dumps(configuration))
        self.configuration.chmod(0o600)
        os.environ["SKYBRIDGE_CONFIG"] = str(self.configuration)

    def start_cloud(self, *options):
        self.cloud = quickstart.Cloud(BUILD / "tests/localcloud/localcloud", self.work, "--azure-lake-key", self.key,
                                      *options)
        self.addCleanup(self.cloud.stop)

    def kill_cloud(self):
        self.cloud.process.kill()
        self.cloud.process.wait()

    def start_cloud_again(self):
        """At the same place, with the same data."""
        port = self.cloud.ready["azure"]["accounts"][0]["url"].split(":")[2].split("/")[0]
        (self.work / "ready.json").unlink()
        self.start_cloud("--azure-port", port)

    def slow_down(self, delay_ms=50):
        """Every request takes that long: what is to be interrupted, or looked at, is still going on."""
        request = urllib.request.Request(self.cloud.ready["admin"]["endpoint"] + "/admin/rules", method="POST",
                                         data=json.dumps({"delay_ms": delay_ms}).encode())
        with urllib.request.urlopen(request, timeout=10):
            pass

    @contextlib.contextmanager
    def in_the_middle(self, requests):
        """Returns when that many more requests have come."""
        enough = sum(self.cloud.requests().values()) + requests
        yield
        deadline = time.monotonic() + SOON_SECONDS
        while sum(self.cloud.requests().values()) < enough:
            self.assertLess(time.monotonic(), deadline, "the requests did not come")
            time.sleep(0.02)

    def start_skybridge(self, *arguments):
        return subprocess.Popen([SKYBRIDGE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        """Exit code and standard error of a process that must end soon."""
        try:
            _, errors = process.communicate(timeout=SOON_SECONDS)
        finally:
            process.kill()
        return process.returncode, errors


class Crash(Bench):
    def test_no_core_dump_would_hold_keys_and_tokens(self):
        self.slow_down(delay_ms=500)
        with self.in_the_middle(requests=1):
            listing = self.start_skybridge("ls", "azure:")
        limits = pathlib.Path(f"/proc/{listing.pid}/limits").read_text()
        code, errors = self.finish(listing)
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_nor_would_a_program_that_cores_are_piped_to_get_one(self):
        """The kernel gives what may not be dumped to root; root itself cannot be told from it, so nobody runs this."""
        program = shutil.copy(SKYBRIDGE, self.work)
        self.work.chmod(0o711)
        user = os.geteuid() or NOBODY
        os.chown(self.configuration, user, -1)
        self.slow_down(delay_ms=500)
        with self.in_the_middle(requests=1):
            listing = subprocess.Popen([program, "ls", "azure:"], user=user, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        owner = os.stat(f"/proc/{listing.pid}/environ").st_uid
        self.assertEqual(self.finish(listing), (0, ""))
        self.assertEqual(owner, 0)


class KilledServer(Bench):
    def mount(self):
        mount = quickstart.Mount(SKYBRIDGE, self.work)
        self.addCleanup(mount.force)
        with contextlib.redirect_stdout(None):
            mount.mount()
        return mount

    def test_cp_into_the_mount_fails_soon_and_the_mount_recovers_by_itself(self):
        mount = self.mount()
        (mount / "azure" / "known").write_text("read before")
        self.assertEqual((mount / "azure" / "known").read_text(), "read before")
        quickstart.make_large_file(self.work / "big", 96 << 20)
        self.slow_down()
        with self.in_the_middle(requests=8):
            copy = subprocess.Popen(["cp", self.work / "big", mount / "azure" / "big"], stderr=subprocess.PIPE, text=True)
        self.kill_cloud()
        code, errors = self.finish(copy)
        self.assertEqual(code, 1)
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertIn("Input/output error", errors)

        self.assertEqual((mount / "azure" / "known").read_text(), "read before")
        os.statvfs(mount / "azure")

        self.start_cloud_again()
        deadline = time.monotonic() + SOON_SECONDS
        while subprocess.run(["cp", self.work / "big", mount / "azure" / "again"], check=False,
                             stderr=subprocess.DEVNULL).returncode != 0:
            self.assertLess(time.monotonic(), deadline, "the mount did not recover")
        subprocess.run(["cmp", self.work / "big", mount / "azure" / "again"], check=True)

    def test_sync_fails_soon_and_goes_on_when_called_again(self):
        tree = self.work / "tree"
        tree.mkdir()
        for number in range(300):
            (tree / f"file{number}").write_bytes(secrets.token_bytes(100))
        self.slow_down()
        with self.in_the_middle(requests=30):
            sync = self.start_skybridge("sync", str(tree), "azure:tree")
        self.kill_cloud()
        code, errors = self.finish(sync)
        self.assertEqual(code, 6, errors)
        lines = [line for line in errors.splitlines() if line.startswith("skybridge: ")]
        self.assertEqual(len(lines), 1, errors)
        self.assertIn("files were copied, then: ", lines[0])

        self.start_cloud_again()
        for command in ("sync", "verify"):
            code, errors = self.finish(self.start_skybridge(command, str(tree), "azure:tree"))
            self.assertEqual(code, 0, errors)


class LocalResources(Bench):
    """In a mount namespace of their own, where the machine lacks something."""

    def mount_where(self, preparation):
        point, cache = self.work / "point", self.work / "cache"
        point.mkdir()
        cache.mkdir()
        mount = f"exec {SKYBRIDGE} mount --foreground azure: {point} --cache-dir {cache}"
        script = preparation.format(cache=cache) + " && " + mount
        # Root needs no user namespace, which a container or a chroot may refuse.
        as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        process = subprocess.Popen(["unshare", *as_root, "--mount", "sh", "-c", script],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        code, errors = self.finish(process)
        self.assertEqual(code, 7, errors)
        self.assertEqual(errors.count("\n"), 1, errors)
        return errors

    def test_a_full_cache_disk(self):
        errors = self.mount_where("mount -t tmpfs -o size=64k,mode=0700 none {cache} && touch {cache}/skybridge-cache"
                                  " && head -c 60k /dev/zero > {cache}/full")
        self.assertIn("cache", errors)
        self.assertIn("512.0 MiB are needed", errors)

    def test_a_read_only_cache_disk(self):
        errors = self.mount_where("mount -t tmpfs -o ro,mode=0700 none {cache}")
        self.assertIn("cache", errors)
        self.assertIn("Read-only file system", errors)

    def test_no_dev_fuse(self):
        errors = self.mount_where("mount -t tmpfs none /dev")
        self.assertIn("/dev/fuse", errors)


if __name__ == "__main__":
    unittest.main()
