"""The workloads: what is prepared, what is timed, and what the ideal for it is.

A workload times one thing on one subject. `amount` is what it moves: bytes for throughput, items for rates.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import time

from benchmark.process import Failure, run, wait_until

MIB = 1 << 20
SMALL_BYTES = 4096
CONNECTIONS = 16  # of the ideal
FILES_PER_DIRECTORY = 100


@dataclasses.dataclass
class Sizes:
    large_mib: int = 1024
    small_files: int = 2000
    entries: int = 20_000
    sync_files: int = 5000
    seconds: int = 900  # longest time of one run


@dataclasses.dataclass
class Bench:
    """What every workload works with."""

    cloud: object
    client: object  # BlobClient on the container
    directory: pathlib.Path  # local files
    sizes: Sizes
    connections: int = CONNECTIONS

    def __post_init__(self):
        self._block = os.urandom(8 * MIB)
        self._fresh = 0

    def large_bytes(self):
        return self.sizes.large_mib * MIB

    def fresh_prefix(self):
        """A place in the container where nothing is."""
        self._fresh += 1
        return f"fresh-{self._fresh}"

    def names(self, prefix, count):
        return [f"{prefix}/{n // FILES_PER_DIRECTORY:04}/{n:06}" for n in range(count)]

    def put_large(self, name):
        self.client.put_large(name, self._block, self.sizes.large_mib // 8, self.connections)

    def put_small(self, prefix, count):
        self.client.put_many(self.names(prefix, count), os.urandom(SMALL_BYTES), self.connections)

    def local(self, name):
        return self.directory / name

    def write_large(self):
        """The large file, alone in the local directory "large"."""
        self.local("large").mkdir()
        with open(self.local("large") / "file", "wb") as file:
            for _ in range(self.sizes.large_mib // 8):
                file.write(self._block)

    def write_small(self, count):
        """Small files in the local directory "small"."""
        for name in self.names("small", count):
            self.local(name).parent.mkdir(parents=True, exist_ok=True)
            self.local(name).write_bytes(os.urandom(SMALL_BYTES))


@dataclasses.dataclass
class Sample:
    seconds: float
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    requests: dict = dataclasses.field(default_factory=dict)


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def measured(bench, child, work, arrived=None):
    """Times `work`, with what the process spent and what the cloud was asked meanwhile.

    A peer may close a file before its bytes are in the cloud; the clock runs on until `arrived()`.
    """
    bench.cloud.reset_counts()
    cpu_before = child.cpu_seconds()
    begin = time.monotonic()
    work()
    seconds = time.monotonic() - begin
    requests = bench.cloud.requests()
    if arrived is not None and not arrived():
        wait_until(arrived, bench.sizes.seconds, "arrival of what was written")
        seconds = time.monotonic() - begin
    return Sample(seconds, child.cpu_seconds() - cpu_before, child.peak_memory_bytes(), requests)


@contextlib.contextmanager
def mounted(subject):
    mount = subject.mount()
    try:
        yield mount
    finally:
        mount.stop()


def read_file(path, expected_bytes):
    buffer = bytearray(MIB)
    total = 0
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            total += count
    if total != expected_bytes:
        raise Failure(f"{path}: read {total} bytes of {expected_bytes}")


def drop_page_cache(path):
    """The next read asks the file system again, not the kernel's copy."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write_file(path, block, count):
    with open(path, "wb", buffering=0) as file:
        for _ in range(count):
            view = memoryview(block)
            while view:
                view = view[file.write(view):]


def copy_tree(source, target, processes, seconds):
    """Every file of a tree by `cp`: by one process, or by many at once with 25 files each."""
    script = 'cp -r "$1" "$2"'
    if processes > 1:
        script = ('cd "$1" && find . -type d -printf "$2/%P\\0" | xargs -0 mkdir -p && '
                  'find . -type f -print0 | xargs -0 -n 25 -P "$3" cp --parents -t "$2"')
    run(["bash", "-c", script, "copy", str(source), str(target), str(processes)], seconds)


def count_files(directory):
    return sum(len(files) for _, _, files in os.walk(directory))


class Workload:
    """`unit` is MB/s or something per second; figures are amount / seconds."""

    name = ""
    unit = "MB/s"
    has_peer = True

    def amount(self, bench):
        return bench.large_bytes() / 1e6

    def prepare(self, bench):
        """Makes what the runs need, here and in the container; the cloud is near while it does."""

    def measure(self, bench, subject):
        """One Sample of one subject, from caches that are as the workload wants them."""
        raise NotImplementedError

    def ideal(self, bench):
        """Seconds that the same takes without a file system; None where there is no such thing."""
        raise NotImplementedError


class ReadCold(Workload):
    name = "read-cold"

    def prepare(self, bench):
        bench.put_large("large")

    def measure(self, bench, subject):
        subject.forget()
        with mounted(subject) as mount:
            return measured(bench, mount.child, lambda: read_file(mount.path / "large", bench.large_bytes()))

    def ideal(self, bench):
        return timed(lambda: bench.client.get_large("large", bench.large_bytes(), bench.connections))


class ReadWarm(Workload):
    name = "read-warm"

    def prepare(self, bench):
        bench.put_large("large")
        bench.write_large()

    def measure(self, bench, subject):
        subject.forget()
        with mounted(subject) as mount:
            read_file(mount.path / "large", bench.large_bytes())
            drop_page_cache(mount.path / "large")
            return measured(bench, mount.child, lambda: read_file(mount.path / "large", bench.large_bytes()))

    def ideal(self, bench):
        return timed(lambda: read_file(bench.local("large") / "file", bench.large_bytes()))


class Write(Workload):
    name = "write"

    def measure(self, bench, subject):
        subject.forget()
        with mounted(subject) as mount:
            name = f"written-{bench.fresh_prefix()}"
            return measured(bench, mount.child,
                            lambda: write_file(mount.path / name, os.urandom(MIB), bench.sizes.large_mib),
                            lambda: bench.client.list_all(name) == 1)

    def ideal(self, bench):
        return timed(lambda: bench.put_large(f"written-{bench.fresh_prefix()}"))


class SmallFiles(Workload):
    unit = "files/s"

    def __init__(self, processes):
        self.processes = processes
        self.name = f"{self.name}-{'serial' if processes == 1 else f'parallel{processes}'}"

    def amount(self, bench):
        return bench.sizes.small_files


class SmallIn(SmallFiles):
    name = "small-in"

    def prepare(self, bench):
        bench.write_small(bench.sizes.small_files)

    def measure(self, bench, subject):
        subject.forget()
        with mounted(subject) as mount:
            prefix = bench.fresh_prefix()
            return measured(bench, mount.child,
                            lambda: copy_tree(bench.local("small"), mount.path / prefix, self.processes,
                                              bench.sizes.seconds),
                            lambda: bench.client.list_all(f"{prefix}/") >= bench.sizes.small_files)

    def ideal(self, bench):
        names = bench.names(bench.fresh_prefix(), bench.sizes.small_files)
        return timed(lambda: bench.client.put_many(names, os.urandom(SMALL_BYTES), self.processes))


class SmallOut(SmallFiles):
    name = "small-out"

    def prepare(self, bench):
        bench.put_small("small", bench.sizes.small_files)

    def measure(self, bench, subject):
        subject.forget()
        target = bench.local("out")
        shutil.rmtree(target, ignore_errors=True)
        with mounted(subject) as mount:
            sample = measured(bench, mount.child,
                              lambda: copy_tree(mount.path / "small", target, self.processes, bench.sizes.seconds))
        if count_files(target) != bench.sizes.small_files:
            raise Failure(f"{subject.name}: {count_files(target)} files of {bench.sizes.small_files} arrived")
        return sample

    def ideal(self, bench):
        names = bench.names("small", bench.sizes.small_files)
        return timed(lambda: bench.client.get_many(names, SMALL_BYTES, self.processes))


class Listing(Workload):
    """A walk over a tree: cold from the cloud, or again from what the first walk left."""

    unit = "entries/s"

    def __init__(self, command, warm):
        self.command = command
        self.warm = warm
        self.name = f"{command[0]}-{'warm' if warm else 'cold'}"

    def amount(self, bench):
        return bench.sizes.entries

    def _walk(self, bench, directory):
        lines = run([*self.command, str(directory)], bench.sizes.seconds).count(b"\n")
        if lines < bench.sizes.entries:
            raise Failure(f"{' '.join(self.command)} {directory}: {lines} lines for {bench.sizes.entries} files")

    def prepare(self, bench):
        names = bench.names("tree", bench.sizes.entries)
        bench.client.put_many(names, b"x", bench.connections)
        if self.warm:
            for name in names:
                bench.local(name).parent.mkdir(parents=True, exist_ok=True)
                bench.local(name).write_bytes(b"x")

    def measure(self, bench, subject):
        subject.forget()
        with mounted(subject) as mount:
            if self.warm:
                self._walk(bench, mount.path / "tree")
            return measured(bench, mount.child, lambda: self._walk(bench, mount.path / "tree"))

    def ideal(self, bench):
        if self.warm:
            return timed(lambda: self._walk(bench, bench.local("tree")))
        return timed(lambda: bench.client.list_all("tree/"))


class Copy(Workload):
    """A local directory into the container, by the tool's own copy command."""

    def __init__(self, large):
        self.large = large
        self.name = "sync-large" if large else "sync-small"
        self.unit = "MB/s" if large else "files/s"

    def amount(self, bench):
        return bench.large_bytes() / 1e6 if self.large else bench.sizes.sync_files

    def prepare(self, bench):
        if self.large:
            bench.write_large()
        else:
            bench.write_small(bench.sizes.sync_files)

    def measure(self, bench, subject):
        source = bench.local("large" if self.large else "small")
        return finished(bench, lambda: subject.copy(source, bench.fresh_prefix()))

    def ideal(self, bench):
        prefix = bench.fresh_prefix()
        if self.large:
            return timed(lambda: bench.put_large(f"{prefix}/file"))
        names = bench.names(prefix, bench.sizes.sync_files)
        return timed(lambda: bench.client.put_many(names, os.urandom(SMALL_BYTES), bench.connections))


class CrossCopy(Copy):
    """From Azure to OCI: the peer from Debian cannot speak to the second."""

    has_peer = False

    def __init__(self, large):
        super().__init__(large)
        self.name = "cross-large" if large else "cross-small"

    def prepare(self, bench):
        if self.large:
            bench.put_large(f"{self.name}/file")
        else:
            bench.put_small(self.name, bench.sizes.sync_files)

    def measure(self, bench, subject):
        return finished(bench, lambda: subject.sync(f"azure:{self.name}", f"oci:{bench.fresh_prefix()}"))

    def ideal(self, bench):
        return None


def finished(bench, start):
    """Times a process from its start to its end."""
    bench.cloud.reset_counts()
    begin = time.monotonic()
    child = start()
    usage = child.wait_with_usage(bench.sizes.seconds)
    return Sample(time.monotonic() - begin, usage.cpu_seconds, usage.peak_memory_bytes, bench.cloud.requests())


def all_workloads():
    return [
        ReadCold(), ReadWarm(), Write(),
        SmallIn(1), SmallIn(16), SmallOut(1), SmallOut(16),
        Listing(["ls", "-lR"], warm=False), Listing(["ls", "-lR"], warm=True),
        Listing(["find"], warm=False), Listing(["find"], warm=True),
        Copy(large=False), Copy(large=True), CrossCopy(large=False), CrossCopy(large=True),
    ]
