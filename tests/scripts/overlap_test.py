"""A copy into its own source is refused, also when one of the two is named through a mount of this machine.

SKYBRIDGE_BUILD names the build directory."""

import contextlib
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bad_days_test import SKYBRIDGE, SOON_SECONDS, Bench, quickstart  # noqa: E402

USAGE = 2


class Overlap(Bench):
    def sync(self, source, destination):
        done = subprocess.run([SKYBRIDGE, "sync", str(source), str(destination)], capture_output=True, text=True,
                              timeout=SOON_SECONDS, check=False)
        return done.returncode, done.stderr

    def test_a_directory_of_a_mount_is_what_the_mount_shows(self):
        mount = quickstart.Mount(SKYBRIDGE, self.work)
        self.addCleanup(mount.force)
        with contextlib.redirect_stdout(None):
            mount.mount()
        tree = mount / "azure" / "tree"
        tree.mkdir()
        (tree / "file").write_text("text")
        link = self.work / "link"
        link.symlink_to(tree)
        for source, destination in [(tree, "azure:tree/in"), ("azure:tree", tree), ("azure:", link), (link, tree / "in"),
                                    (tree, "azure:")]:
            code, errors = self.sync(source, destination)
            self.assertEqual(code, USAGE, (source, destination, errors))
            self.assertIn("the same place, or one lies in the other", errors)
        self.assertEqual(self.sync(tree, "oci:tree")[0], 0)
        self.assertEqual(self.sync("azure:tree", mount / "azure" / "other")[0], 0)
        self.assertEqual((mount / "azure" / "other" / "file").read_text(), "text")


if __name__ == "__main__":
    unittest.main()
