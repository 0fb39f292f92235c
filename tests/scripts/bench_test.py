"""What scripts/bench promises: honest figures, and nothing left behind."""

import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from benchmark.process import Child, Failure, run  # noqa: E402
from benchmark.report import Row, figure_of, table  # noqa: E402
from benchmark.workloads import Sample, all_workloads, copy_tree, count_files  # noqa: E402


def is_running(pid):
    return pathlib.Path(f"/proc/{pid}").exists()


class Figures(unittest.TestCase):
    def test_the_figure_is_the_median_run(self):
        figure = figure_of([Sample(1.0, cpu_seconds=1), Sample(4.0, cpu_seconds=4), Sample(2.0, cpu_seconds=2)], 8)
        self.assertEqual((figure.rate, figure.worst, figure.best, figure.cpu_seconds), (4, 2, 8, 2))

    def test_the_peak_is_of_all_runs(self):
        figure = figure_of([Sample(1, peak_memory_bytes=5), Sample(2, peak_memory_bytes=3)], 1)
        self.assertEqual(figure.peak_memory_bytes, 5)

    def test_the_table_compares_with_the_peer_and_with_the_ideal(self):
        row = Row("write", "far", "MB/s", 0.5, ideal=400.0)
        row.figures["skybridge"] = figure_of([Sample(1, cpu_seconds=1.5, requests={"azure.put_block": 7})], 200)
        row.figures["rclone"] = figure_of([Sample(2)], 200)
        text = table([row], "skybridge", "rclone")
        cells = text.splitlines()[1].split()
        self.assertEqual(cells[:8], ["write", "far", "MB/s", "200", "100", "2.00", "400", "0.50"])
        self.assertIn("3", cells[8:])  # CPU seconds per GiB
        self.assertIn("write (far): azure.put_block 7", text)

    def test_a_failure_is_named_and_not_a_figure(self):
        row = Row("write", "far", "MB/s", 1.0, failures={"rclone": "no mount"})
        text = table([row], "skybridge", "rclone")
        self.assertIn("failed: write (far), rclone: no mount", text)

    def test_every_workload_has_a_name_of_its_own(self):
        names = [workload.name for workload in all_workloads()]
        self.assertEqual(len(names), len(set(names)))


class Processes(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.log = pathlib.Path(self.directory.name) / "log"

    def test_a_command_that_takes_too_long_leaves_no_child_behind(self):
        pid_file = pathlib.Path(self.directory.name) / "pid"
        with self.assertRaises(Failure):
            run(["bash", "-c", f"sleep 600 & echo $! > {pid_file}; wait"], 1)
        pid = int(pid_file.read_text())
        deadline = time.monotonic() + 10
        while is_running(pid) and pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_a_failed_command_says_its_last_line(self):
        with self.assertRaisesRegex(Failure, "exit status 3: second"):
            run(["bash", "-c", "echo first >&2; echo second >&2; exit 3"], 10)

    def test_a_child_that_ended_is_reported_with_its_log(self):
        child = Child(["bash", "-c", "echo reason; exit 4"], self.log)
        child.wait()
        with self.assertRaisesRegex(Failure, "ended with 4: reason"):
            child.check_alive()

    def test_a_finished_child_says_what_it_used(self):
        script = "import time; held = bytearray(64 << 20); end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
        usage = Child([sys.executable, "-c", script], self.log).wait_with_usage(60)
        self.assertGreater(usage.cpu_seconds, 0.25)
        self.assertGreater(usage.peak_memory_bytes, 64 << 20)

    def test_stop_ends_a_child(self):
        child = Child(["sleep", "600"], self.log)
        child.stop()
        self.assertFalse(is_running(child.pid))


class Copies(unittest.TestCase):
    def test_serial_and_parallel_copies_are_complete(self):
        with tempfile.TemporaryDirectory() as directory:
            source = pathlib.Path(directory) / "source"
            for number in range(60):
                (source / str(number % 7)).mkdir(parents=True, exist_ok=True)
                (source / str(number % 7) / f"a b {number}").write_text(str(number))
            for processes in (1, 16):
                target = pathlib.Path(directory) / f"target-{processes}"
                copy_tree(source, target, processes, 60)
                self.assertEqual(count_files(target), 60)
                self.assertEqual((target / "3" / "a b 10").read_text(), "10")


if __name__ == "__main__":
    unittest.main()
