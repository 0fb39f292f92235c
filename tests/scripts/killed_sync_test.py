"""A sync that is killed (kill -9) at many moments leaves nothing that the next run does not clean up.

SKYBRIDGE_BUILD names the build directory."""

import filecmp
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bad_days_test import SKYBRIDGE, SOON_SECONDS, Bench, quickstart  # noqa: E402

ROUNDS = 2
# Requests of an upload in parts: what begins one, what sends a part of it, and what ends it.
UPLOADS = {
    "oci": ("oci.create_multipart", "oci.upload_part", ("oci.commit_multipart", "oci.abort_multipart")),
    "azure": ("azure.create_file", "azure.append", ("azure.rename", "azure.delete_blob")),
}


class KilledSync(Bench):
    def setUp(self):
        super().setUp()
        os.environ["XDG_STATE_HOME"] = str(self.work / "state")
        self.seed = int(os.environ.get("SKYBRIDGE_TEST_SEED", random.randrange(10**9)))
        self.random = random.Random(self.seed)
        self.source = self.work / "source"
        (self.source / "d").mkdir(parents=True)
        for i in range(2):
            quickstart.make_large_file(self.source / "d" / f"large{i}", (18 << 20) + i)
        for i in range(20):
            (self.source / f"small{i}").write_text(f"content {i}")

    def sync(self, *arguments):
        return subprocess.run([SKYBRIDGE, "sync", *arguments], capture_output=True, text=True, timeout=SOON_SECONDS * 2,
                              check=False)

    def count(self, operation):
        return self.cloud.requests().get(operation, 0)

    def kill_in_the_middle(self, source, destination, started):
        """Kills the pass at some moment after `started()`. Requests are slow meanwhile."""
        self.slow_down(delay_ms=30)
        process = subprocess.Popen([SKYBRIDGE, "sync", source, destination], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + SOON_SECONDS
        while process.poll() is None and not started():
            self.assertLess(time.monotonic(), deadline, "no part was sent")
            time.sleep(0.005)
        time.sleep(self.random.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        request = urllib.request.Request(self.cloud.ready["admin"]["endpoint"] + "/admin/rules", method="DELETE")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def expect_whole_and_at_rest(self, source, destination):
        done = self.sync(source, destination)
        self.assertEqual(done.returncode, 0, done.stderr)
        again = self.sync(source, destination)
        self.assertIn("copied 0 files", again.stdout, f"seed {self.seed}")

    def test_uploads_of_a_cloud_are_freed(self):
        for remote, (_, part, _) in UPLOADS.items():
            for i in range(ROUNDS):
                with self.subTest(remote=remote, round=i, seed=self.seed):
                    destination = f"{remote}:round{i}"
                    before = self.count(part)
                    self.kill_in_the_middle(str(self.source), destination, lambda: self.count(part) > before)
                    self.expect_whole_and_at_rest(str(self.source), destination)
                    verified = subprocess.run([SKYBRIDGE, "verify", str(self.source), destination], check=False,
                                              stdout=subprocess.DEVNULL)
                    self.assertEqual(verified.returncode, 0)
                    self.expect_nothing_open(remote)

    def expect_nothing_open(self, remote):
        begin, _, ends = UPLOADS[remote]
        self.assertLessEqual(self.count(begin), sum(self.count(end) for end in ends), self.cloud.requests())

    def test_a_directory_holds_only_what_was_copied(self):
        self.assertEqual(self.sync(str(self.source), "oci:from").returncode, 0)
        for i in range(ROUNDS):
            with self.subTest(round=i, seed=self.seed):
                destination = self.work / f"to{i}" / "in"
                self.kill_in_the_middle("oci:from", str(destination),
                                        lambda: any(destination.glob(".skybridge-tmp/*")))
                # A copy of the directory above takes none of the remains.
                self.assertEqual(self.sync(str(destination.parent), f"oci:above{i}").returncode, 0)
                listing = subprocess.run([SKYBRIDGE, "ls", "-R", f"oci:above{i}"], capture_output=True, text=True, check=True)
                self.assertNotIn("skybridge-tmp", listing.stdout)
                self.expect_whole_and_at_rest("oci:from", str(destination))
                self.assertFalse((destination / ".skybridge-tmp").exists())
                compared = filecmp.dircmp(self.source, destination)
                self.assertEqual((compared.left_only, compared.right_only, compared.diff_files), ([], [], []))


if __name__ == "__main__":
    unittest.main()
