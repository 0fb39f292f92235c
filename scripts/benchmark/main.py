"""The command line of scripts/bench."""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

from benchmark.cloud import CONTAINER, SHAPES, Cloud
from benchmark.http_client import BlobClient
from benchmark.process import Failure
from benchmark.report import GIB, Row, as_json, figure_of, table
from benchmark.subjects import Rclone, Skybridge
from benchmark.workloads import Bench, Sizes, all_workloads

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def parse_arguments():
    names = [workload.name for workload in all_workloads()]
    sizes = Sizes()
    parser = argparse.ArgumentParser(prog="scripts/bench", description=sys.modules["__main__"].__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"workloads: {', '.join(names)}")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="default: all")
    parser.add_argument("--shape", action="append", choices=sorted(SHAPES), help="default: near and far")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each workload and subject (%(default)s)")
    parser.add_argument("--account", choices=["flat", "hierarchical"], default="flat",
                        help="kind of Azure account (%(default)s); rclone can only use a flat one")
    parser.add_argument("--no-peer", action="store_true", help="measure skybridge alone")
    parser.add_argument("--large-mib", type=int, default=sizes.large_mib, help="size of the large file (%(default)s)")
    parser.add_argument("--small-files", type=int, default=sizes.small_files, help="files of 4 KiB (%(default)s)")
    parser.add_argument("--entries", type=int, default=sizes.entries, help="entries to list (%(default)s)")
    parser.add_argument("--sync-files", type=int, default=sizes.sync_files, help="files of 4 KiB to sync (%(default)s)")
    parser.add_argument("--timeout", type=int, default=sizes.seconds, help="seconds for one run (%(default)s)")
    parser.add_argument("--build", default=str(ROOT / "build" / "release"), help="build directory (%(default)s)")
    parser.add_argument("--directory", help="where temporary files go; a disk, not memory (default: the system's)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.workloads) - set(names))
    if unknown:
        parser.error(f"unknown workload {', '.join(unknown)}; known are {', '.join(names)}")
    if arguments.large_mib % 8 != 0:
        parser.error("--large-mib must be a multiple of 8")
    arguments.shape = arguments.shape or ["near", "far"]
    return arguments


def programs(build):
    """skybridge and localcloud of the build; Failure if one is missing."""
    found = [pathlib.Path(build) / "skybridge", pathlib.Path(build) / "tests" / "localcloud" / "localcloud"]
    for program in found:
        if not program.exists():
            raise Failure(f"{program} is missing; run: cmake --preset release && cmake --build --preset release")
    return found


def make_subjects(arguments, skybridge, cloud, directory):
    hierarchical = arguments.account == "hierarchical"
    subjects = [Skybridge(skybridge, directory, cloud.remotes(hierarchical))]
    rclone = shutil.which("rclone")
    if rclone and not hierarchical and not arguments.no_peer:
        subjects.append(Rclone(rclone, directory, cloud.account(hierarchical)["url"]))
    return subjects


def measure(workload, shape, bench, subjects, rounds):
    """All rounds of one workload; a subject that fails is not tried again."""
    row = Row(workload.name, shape, workload.unit, bench.large_bytes() / GIB if workload.unit == "MB/s" else 0.0)
    wanted = [subject for subject in subjects if workload.has_peer or subject is subjects[0]]
    samples = {subject.name: [] for subject in wanted}
    ideals = []
    workload.prepare(bench)
    bench.cloud.shape(shape)
    for number in range(rounds):
        for subject in wanted if number % 2 == 0 else reversed(wanted):
            if subject.name in row.failures:
                continue
            print(f"{workload.name} ({shape}), round {number + 1} of {rounds}: {subject.name}", file=sys.stderr)
            try:
                samples[subject.name].append(workload.measure(bench, subject))
            except (Failure, OSError, shutil.Error) as failure:
                row.failures[subject.name] = str(failure)
        ideal = workload.ideal(bench)
        if ideal:
            ideals.append(workload.amount(bench) / ideal)
    for name, taken in samples.items():
        if taken and name not in row.failures:
            row.figures[name] = figure_of(taken, workload.amount(bench))
    if ideals:
        row.ideal = sorted(ideals)[len(ideals) // 2]
    return row


def run_all(arguments, directory):
    skybridge, localcloud = programs(arguments.build)
    sizes = Sizes(arguments.large_mib, arguments.small_files, arguments.entries, arguments.sync_files, arguments.timeout)
    chosen = [workload for workload in all_workloads() if not arguments.workloads or workload.name in arguments.workloads]
    rows = []
    for shape in arguments.shape:
        for workload in chosen:
            # A cloud of its own for each row: what one workload left in memory does not weigh on the next.
            place = pathlib.Path(tempfile.mkdtemp(dir=directory))
            cloud = Cloud(localcloud, place)
            account = cloud.account(arguments.account == "hierarchical")
            client = BlobClient(account["name"], account["key"], account["url"], CONTAINER)
            try:
                bench = Bench(cloud, client, place, sizes)
                subjects = make_subjects(arguments, skybridge, cloud, place)
                rows.append(measure(workload, shape, bench, subjects, arguments.rounds))
            finally:
                client.close()
                cloud.stop()
                shutil.rmtree(place)
    return rows


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that everything is cleaned up
    directory = tempfile.mkdtemp(prefix="skybridge-bench-", dir=arguments.directory)
    try:
        rows = run_all(arguments, directory)
    except Failure as failure:
        print(f"scripts/bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    peer = None if arguments.no_peer or arguments.account == "hierarchical" else "rclone"
    print(table(rows, "skybridge", peer))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(as_json(rows) + "\n")
    return 1 if any(row.failures for row in rows) else 0
