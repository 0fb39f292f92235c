"""What is measured: skybridge and its peers, each able to mount the container and to copy a directory into it."""

import json
import os
import pathlib
import shutil

from benchmark.cloud import CONTAINER
from benchmark.process import Child, Failure, run, wait_until

MOUNT_SECONDS = 30


class Mount:
    """A mounted container. Unmounted and ended by stop(), also after a failure."""

    def __init__(self, command, directory, log, env=None):
        self.path = pathlib.Path(directory)
        self.path.mkdir(parents=True, exist_ok=True)
        self.child = Child(command, log, env)
        try:
            wait_until(lambda: self.child.check_alive() and _is_mounted(self.path), MOUNT_SECONDS, "mount")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Also a mount that no longer answers or is still in use is gone after this."""
        try:
            run(["fusermount3", "-u", str(self.path)], MOUNT_SECONDS)
        except Failure:
            self.child.stop()
            if _is_mounted(self.path):
                run(["umount", "-l", str(self.path)], MOUNT_SECONDS)
        self.child.wait()


def _is_mounted(path):
    """Told from the kernel's table: asking the mount itself fails once its process is gone."""
    return any(line.split()[1] == str(path) for line in pathlib.Path("/proc/mounts").read_text().splitlines())


class Subject:
    """`name` as in the table. Caches live below `directory` and are emptied by forget()."""

    def __init__(self, name, directory):
        self.name = name
        self._directory = pathlib.Path(directory) / name
        self._directory.mkdir(parents=True)
        self._cache = self._directory / "cache"

    def forget(self):
        """Empties every cache; nothing may be mounted."""
        shutil.rmtree(self._cache, ignore_errors=True)
        self._cache.mkdir(mode=0o700)

    def mount(self):
        """A Mount of the whole container. Caches are as the last mount left them."""
        raise NotImplementedError

    def copy(self, source, prefix):
        """The Child that copies the local directory `source` to `prefix` of the container."""
        raise NotImplementedError


class Skybridge(Subject):
    """Ours, on the remote `azure` of a configuration of its own."""

    def __init__(self, program, directory, remotes):
        super().__init__("skybridge", directory)
        self._config = self._directory / "config.json"
        self._config.touch(mode=0o600)
        self._config.write_text(json.dumps({"remotes": remotes}))
        self._command = [str(program), "--config", str(self._config)]

    def mount(self):
        return Mount([*self._command, "mount", "-f", "--cache-dir", str(self._cache), "azure", str(self._directory / "mnt")],
                     self._directory / "mnt", self._directory / "mount.log")

    def copy(self, source, prefix):
        return self.sync(str(source), f"azure:{prefix}")

    def sync(self, source, destination):
        return Child([*self._command, "sync", source, destination], self._directory / "sync.log")


class Rclone(Subject):
    """Debian's rclone on the same container, with its own read-ahead and disk cache."""

    def __init__(self, program, directory, endpoint):
        super().__init__("rclone", directory)
        self._program = program
        self._remote = f"peer:{CONTAINER}"
        # use_emulator brings the documented account and key; the version of Debian 12 takes an endpoint with a path
        # from nobody else.
        self._env = {**os.environ, "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_PEER_TYPE": "azureblob",
                     "RCLONE_CONFIG_PEER_USE_EMULATOR": "true", "RCLONE_CONFIG_PEER_ENDPOINT": endpoint}

    def mount(self):
        return Mount([self._program, "mount", self._remote, str(self._directory / "mnt"), "--vfs-cache-mode", "full",
                      "--cache-dir", str(self._cache), "--vfs-write-back", "0s"],
                     self._directory / "mnt", self._directory / "mount.log", self._env)

    def copy(self, source, prefix):
        return Child([self._program, "copy", "--transfers", "16", "--checkers", "16", str(source),
                      f"{self._remote}/{prefix}"], self._directory / "copy.log", self._env)
