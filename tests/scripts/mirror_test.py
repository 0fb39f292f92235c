"""The mirror as a service: changes arrive while it runs, kill -9 at any moment loses nothing, one daemon a mirror, and a stop
leaves nothing behind. A directory is mirrored to Azure, and Azure to OCI, so that both clouds are source and destination.

SKYBRIDGE_BUILD names the build directory; MIRROR_TEST_KILLS how often the daemons are killed (8), MIRROR_TEST_SEED by which
random numbers (printed)."""

import json
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest

import bad_days_test as days

KILLS = int(os.environ.get("MIRROR_TEST_KILLS", "8"))
SEED = int(os.environ.get("MIRROR_TEST_SEED", random.randrange(1 << 32)))
MIRRORS = ("up", "over")  # the directory to Azure, Azure to OCI


class Mirrors(days.Bench):
    def setUp(self):
        super().setUp()
        self.source = self.work / "source"
        self.source.mkdir()
        configuration = json.loads(self.configuration.read_text())
        configuration["mirrors"] = {
            "up": {"from": str(self.source), "to": "azure:/", "every": "1s", "state_dir": str(self.work / "state-up")},
            "over": {"from": "azure:/", "to": "oci:/", "every": "1s", "state_dir": str(self.work / "state-over")},
        }
        self.configuration.write_text(json.dumps(configuration))
        self.daemons = {}
        self.addCleanup(self.end)

    def end(self):
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.communicate()

    def start(self, name):
        self.daemons[name] = self.start_skybridge("mirror", name)

    def stop(self, name):
        daemon = self.daemons.pop(name)
        daemon.send_signal(signal.SIGTERM)
        code, errors = self.finish(daemon)
        self.assertEqual(code, 0, errors)

    def run_skybridge(self, *arguments):
        return subprocess.run([days.SKYBRIDGE, *arguments], capture_output=True, text=True, timeout=120, check=False)

    def differences(self):
        """Empty when all three places hold the same."""
        pairs = ((str(self.source), "azure:/"), ("azure:/", "oci:/"))
        runs = [self.run_skybridge("verify", *pair) for pair in pairs]
        return "".join(run.stdout + run.stderr for run in runs if run.returncode != 0)

    def wait_until_equal(self):
        deadline = time.monotonic() + 60
        while differences := self.differences():
            ended = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                for name in ended:
                    print(name, self.daemons[name].communicate())
                self.fail(differences + self.run_skybridge("runs").stdout)
            time.sleep(0.2)

    def change(self, chance):
        name = self.source / chance.choice("abcdef") / chance.choice("0123456789")
        name.parent.mkdir(exist_ok=True)
        name.write_bytes(chance.randbytes(chance.choice((0, 10, 5000, 200_000))))


class AsAService(Mirrors):
    def test_changes_arrive_and_kills_lose_nothing(self):
        print(f"MIRROR_TEST_SEED={SEED}")
        chance = random.Random(SEED)
        for _ in range(20):
            self.change(chance)
        (self.source / "large").write_bytes(chance.randbytes(40 << 20))
        for name in MIRRORS:
            self.start(name)
        for _ in range(KILLS):
            for _ in range(5):
                self.change(chance)
                time.sleep(chance.random() / 10)
            name = chance.choice(MIRRORS)
            self.daemons[name].kill()
            self.daemons[name].communicate()
            self.start(name)
        self.wait_until_equal()
        lease = self.run_skybridge("cat", "oci:/.skybridge/mirror.lease")
        self.assertEqual(json.loads(lease.stdout)["mirror"], "over", "a lease is no content: Azure's is not copied to OCI")
        status = self.run_skybridge("status")
        self.assertRegex(status.stdout, r"over: .*complete as of .*lag at most")
        for name in MIRRORS:
            self.stop(name)

    def test_a_second_daemon_is_refused_and_names_the_first(self):
        self.start("up")
        self.wait_until(lambda: "complete as of" in self.run_skybridge("status").stdout)
        second = self.run_skybridge("mirror", "up")
        self.assertEqual(second.returncode, 7, second.stderr)
        self.assertIn(f"process {self.daemons['up'].pid}", second.stderr)
        self.stop("up")

    def test_a_run_can_be_stopped_and_the_mirror_goes_on(self):
        for number in range(200):
            (self.source / str(number)).write_text(str(number))
        self.slow_down(delay_ms=300)
        self.start("up")
        self.wait_until(lambda: "running" in self.run_skybridge("runs").stdout)
        run = self.run_skybridge("runs").stdout.split()[0]
        self.assertEqual(self.run_skybridge("runs", "stop", run).returncode, 0)
        self.wait_until(lambda: "stopped" in self.run_skybridge("runs", "show", run).stdout)
        self.slow_down(delay_ms=0)
        self.wait_until(lambda: "succeeded" in self.run_skybridge("runs").stdout)
        self.stop("up")

    def test_a_cloud_that_is_gone_is_waited_for(self):
        (self.source / "a").write_text("one")
        self.start("up")
        self.wait_until(lambda: "complete as of" in self.run_skybridge("status").stdout)
        self.kill_cloud()
        (self.source / "b").write_text("two")
        self.wait_until(lambda: "failed" in self.run_skybridge("runs").stdout)
        self.assertIsNone(self.daemons["up"].poll())
        self.start_cloud_again()
        self.wait_until(lambda: self.run_skybridge("cat", "azure:/b").stdout == "two")
        self.stop("up")

    def wait_until(self, holds):
        deadline = time.monotonic() + days.SOON_SECONDS
        while not holds():
            self.assertLess(time.monotonic(), deadline, self.run_skybridge("runs").stdout)
            time.sleep(0.05)


class Unit(unittest.TestCase):
    def test_systemd_takes_the_units(self):
        units = pathlib.Path(__file__).resolve().parents[2] / "systemd"
        for unit in sorted(units.glob("*.service")):
            check = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                                   timeout=60, check=False)
            problems = [line for line in check.stderr.splitlines() if "/usr/bin/skybridge is not executable" not in line]
            self.assertEqual(problems, [], unit.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
