#!/usr/bin/env python3
"""Shows skybridge at work on a local stand-in for both clouds; scripts/quickstart builds everything and calls this."""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

CONTAINER = "lake"  # the name of the file system in Azure and of the bucket in OCI
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def size(text):
    match = re.fullmatch(r"(\d+)(KiB|MiB|GiB)?", text)
    if not match:
        raise argparse.ArgumentTypeError("a size like 64MiB or 1GiB")
    return int(match.group(1)) * UNITS[match.group(2) or ""]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/quickstart", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"), help=argparse.SUPPRESS)
    parser.add_argument("--large", type=size, default=1 << 30, metavar="SIZE", help="size of the large file (1GiB)")
    parser.add_argument("--tree", action="append", type=pathlib.Path, metavar="DIR",
                        help="a tree to copy; may be repeated (/usr/share/doc and /usr/share/zoneinfo)")
    parser.add_argument("--keep", action="store_true", help="leave the working directory behind")
    options = parser.parse_args()
    options.tree = options.tree or [pathlib.Path("/usr/share/doc"), pathlib.Path("/usr/share/zoneinfo")]
    return options


class Failed(Exception):
    """A step that did not do what it must; the text is for the reader of the terminal."""


def say(text):
    print(f"\n== {text}", flush=True)


def run(*command, quiet=False):
    """Runs a command, echoing it; returns its standard output. Any non-zero exit ends the show."""
    words = [str(word) for word in command]
    if not quiet:
        print("   $ " + " ".join(words), flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"exit {done.returncode}: {' '.join(words)}\n{done.stderr.strip()[-2000:]}")
    return done.stdout


class Cloud:
    """The local cloud: a child process of ours, stopped by its own pid."""

    def __init__(self, program, work, *options):
        ready = work / "ready.json"
        self.log = work / "cloud.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program, "--data-dir", work / "cloud", "--ready-file", ready,
                                             "--azure-filesystem", CONTAINER, "--oci-bucket", CONTAINER, *options],
                                            stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed("the local cloud did not start: " + self.log.read_text()[-500:])
            time.sleep(0.05)
        self.ready = json.loads(ready.read_text())

    def requests(self):
        """Requests so far, by class."""
        with urllib.request.urlopen(self.ready["admin"]["endpoint"] + "/admin/counts", timeout=10) as reply:
            counts = json.load(reply)
        return {name: entry["requests"] for name, entry in counts["operations"].items()}

    def stop(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Mount:
    """Both clouds in one mount; a daemon of its own that is gone when `unmount` returns."""

    def __init__(self, skybridge, work):
        self.skybridge, self.work, self.point = skybridge, work, work / "clouds"
        self.point.mkdir()

    def __truediv__(self, name):
        return self.point / name

    def mount(self):
        run(self.skybridge, "mount", "--all", self.point, "--cache-dir", self.work / "cache",
            "--log-file", self.work / "mount.log")

    def unmount(self, quiet=False):
        if not os.path.ismount(self.point):
            return
        run("fusermount3", "-u", self.point, quiet=quiet)
        # The kernel has let go; the daemon ends once it has given its cache directory back.
        deadline = time.monotonic() + 60
        while self.daemon_is_alive():
            if time.monotonic() > deadline:
                raise Failed("the mount's process did not end within 60 seconds")
            time.sleep(0.05)

    def daemon_is_alive(self):
        needle = os.fsencode(self.point)
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if needle in words and b"mount" in words and (entry / "stat").read_text().split(")")[-1].split()[0] != "Z":
                        return True
        return False

    def force(self):
        """Whatever happened before: nothing stays mounted."""
        with contextlib.suppress(Failed):
            self.unmount(quiet=True)
        if os.path.ismount(self.point):
            subprocess.run(["fusermount3", "-u", "-z", self.point], check=False)


def digest_tree(root):
    """Every path below root with what it is: the SHA-256 of a file, the target of a link, "directory"."""
    tree = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if os.path.islink(path):
                tree[relative] = "link to " + os.readlink(path)
            elif os.path.isdir(path):
                tree[relative] = "directory"
            else:
                digest = hashlib.sha256()
                with open(path, "rb") as file:
                    while chunk := file.read(1 << 20):
                        digest.update(chunk)
                tree[relative] = "sha256 " + digest.hexdigest()
    return tree


def tree_size(tree_root):
    files = size_bytes = 0
    for folder, _, names in os.walk(tree_root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                files += 1
                size_bytes += os.path.getsize(path)
    return files, size_bytes


def make_large_file(path, length):
    """Incompressible bytes, different on every run."""
    with open(path, "wb") as file:
        left = length
        while left > 0:
            chunk = os.urandom(min(left, 1 << 22))
            file.write(chunk)
            left -= len(chunk)


class Table:
    """One row a step: what it moved, how long it took, what it asked of the clouds, and what proves it."""

    def __init__(self, cloud):
        self.cloud, self.rows = cloud, []

    @contextlib.contextmanager
    def step(self, title, files, size_bytes):
        before, start = self.cloud.requests(), time.monotonic()
        row = {"title": title, "files": files, "bytes": size_bytes, "verified": ""}
        yield row
        row["seconds"] = time.monotonic() - start
        after = self.cloud.requests()
        row["requests"] = {name: after[name] - before.get(name, 0) for name in sorted(after)
                           if after[name] != before.get(name, 0)}
        self.rows.append(row)

    def show(self):
        print(f"\n{'step':<44} {'files':>7} {'MB':>8} {'seconds':>8} {'MB/s':>7} {'requests':>9}  verified")
        for row in self.rows:
            seconds = max(row["seconds"], 1e-3)
            megabytes = row["bytes"] / 1e6
            print(f"{row['title']:<44} {row['files']:>7} {megabytes:>8.1f} {row['seconds']:>8.1f} "
                  f"{megabytes / seconds:>7.1f} {sum(row['requests'].values()):>9}  {row['verified']}")
        print("\nrequests by class")
        for row in self.rows:
            classes = ", ".join(f"{name} {count}" for name, count in row["requests"].items())
            print(f"  {row['title']}: {classes or 'none'}")


def changed_lines(itemised):
    """What `rsync -i` says it sent or changed: one line each."""
    return [line for line in itemised.splitlines() if line.strip()]


def show_the_way(options, work, cloud, mount, skybridge):
    source = work / "source"
    source.mkdir()
    say("The source: a real tree and a large file that does not compress")
    for tree in options.tree:
        run("cp", "-a", tree, source)
    make_large_file(source / "large.bin", options.large)
    files, size_bytes = tree_size(source)
    print(f"   {files} files, {size_bytes / 1e6:.1f} MB in {source}")
    truth = digest_tree(source)
    links = sum(1 for what in truth.values() if what.startswith("link"))
    print(f"   {links} symbolic links, {sum(1 for what in truth.values() if what == 'directory')} directories")
    table = Table(cloud)

    say("Mounting both clouds under one directory")
    mount.mount()
    print("   " + run("ls", "-l", mount.point).strip().replace("\n", "\n   "))

    say("cp -a into Azure Data Lake")
    with table.step("cp -a    disk -> azure", files, size_bytes) as row:
        run("cp", "-a", source, mount / "azure" / "tree")

    say("rsync -a from Azure to OCI Object Storage")
    with table.step("rsync -a azure -> oci", files, size_bytes) as row:
        run("rsync", "-a", f"{mount / 'azure' / 'tree'}/", f"{mount / 'oci' / 'tree'}/")

    say("A second rsync -a moves nothing")
    again = ("rsync", "-a", "--itemize-changes", f"{mount / 'azure' / 'tree'}/", f"{mount / 'oci' / 'tree'}/")
    with table.step("rsync -a again", 0, 0) as row:
        moved = changed_lines(run(*again))
        if moved:
            raise Failed(f"the second rsync -a moved {len(moved)} entries, first: {moved[:5]}")
        row["verified"] = "nothing moved"

    say("Nor does it on a machine that knows nothing: unmount, delete the cache, mount again")
    mount.unmount()
    shutil.rmtree(work / "cache")
    mount.mount()
    with table.step("rsync -a again, cold cache", 0, 0) as row:
        moved = changed_lines(run(*again))
        if moved:
            raise Failed(f"rsync -a with an empty cache moved {len(moved)} entries, first: {moved[:5]}")
        row["verified"] = "nothing moved"

    say("skybridge sync: store to store, without the mounts")
    with table.step("skybridge sync azure -> oci", files, size_bytes):
        print(run(skybridge, "sync", "azure:tree", "oci:synced").rstrip())
    with table.step("skybridge verify azure oci", files, size_bytes) as row:
        print(run(skybridge, "verify", "azure:tree", "oci:synced").rstrip())
        row["verified"] = "equal"
    with table.step("skybridge sync again", 0, 0) as row:
        print(run(skybridge, "sync", "azure:tree", "oci:synced").rstrip())

    say("SHA-256 of every file and the target of every link, read back through the mounts")
    for place in ("azure/tree", "oci/tree", "oci/synced"):
        with table.step(f"sha256 of {place}", files, size_bytes) as row:
            found = digest_tree(mount.point / place)
            different = sorted(set(found.items()) ^ set(truth.items()))
            if different:
                raise Failed(f"{place} differs from the source in {len(different)} entries, first: {different[:3]}")
            row["verified"] = f"{len(found)} entries equal"
    table.show()


def main():
    options = arguments()
    skybridge = (options.build / "skybridge").resolve()
    work = pathlib.Path(tempfile.mkdtemp(prefix="skybridge-quickstart."))
    cloud = mount = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        say("Starting the local cloud (a test double on loopback; nobody's data is safe in it)")
        cloud = Cloud((options.build / "tests/localcloud/localcloud").resolve(), work)
        configuration = work / "config.json"
        configuration.write_text(json.dumps(make_configuration(cloud.ready), indent=2))
        configuration.chmod(0o600)
        os.environ["SKYBRIDGE_CONFIG"] = str(configuration)
        mount = Mount(skybridge, work)
        show_the_way(options, work, cloud, mount, skybridge)
        print("\nAll copies are equal.")
        return 0
    except Failed as failure:
        print(f"\nquickstart: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if mount:
            mount.force()
        if cloud:
            cloud.stop()
        if options.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


def make_configuration(ready):
    """The same file a user would write, with the local cloud's endpoints and keys."""
    azure = next(account for account in ready["azure"]["accounts"] if account["hierarchical"])
    oci = ready["oci"]
    return {
        "remotes": {
            "azure": {"uri": f"abfss://{CONTAINER}@{azure['name']}.dfs.core.windows.net/", "endpoint": azure["url"],
                      "auth": {"type": "shared_key", "account_key": azure["key"]}},
            "oci": {"uri": f"oci://{CONTAINER}@{oci['namespace']}/", "region": oci["region"],
                    "endpoint": oci["endpoint"],
                    "auth": {"type": "config_file", "config_file": oci["config_file"]}},
        },
    }


if __name__ == "__main__":
    sys.exit(main())
