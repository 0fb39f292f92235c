"""Child processes: started, watched and ended by their own pid, whatever happens in between."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import time

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_END_SECONDS = 20


class Failure(Exception):
    """A workload could not run; the message says why."""


def wait_until(condition, seconds, what):
    """Returns when `condition()` is true; Failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def run(command, seconds, env=None):
    """Runs a command to its end and returns its output; Failure with its last line of errors if that is not a success.

    The command has a process group of its own, so that nothing of it is left behind when it takes too long.
    """
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as expired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Failure(f"{command[0]}: not done within {seconds} s") from expired
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise Failure(f"{' '.join(command[:3])}: exit status {process.returncode}: {lines[-1] if lines else ''}")
    return output


@dataclasses.dataclass
class Usage:
    cpu_seconds: float
    peak_memory_bytes: int


class Child:
    """A long-running process of ours. Its output goes to a log file."""

    def __init__(self, command, log, env=None):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self._process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    @property
    def pid(self):
        return self._process.pid

    def check_alive(self):
        if self._process.poll() is not None:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            raise Failure(f"{self._process.args[0]} ended with {self._process.returncode}: {lines[-1] if lines else ''}")
        return True

    def stop(self):
        """Asks it to end, and insists if it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self):
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait_with_usage(self, seconds):
        """Waits for a process that ends by itself; Failure if it fails or takes longer. Says what it has used."""
        usage = Usage(0.0, 0)

        def has_ended():
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid == 0:
                # Looked at while it runs: ru_maxrss would count what this program had when it forked.
                usage.peak_memory_bytes = max(usage.peak_memory_bytes, self.peak_memory_bytes())
                return False
            self._process.returncode = os.waitstatus_to_exitcode(status)
            usage.cpu_seconds = used.ru_utime + used.ru_stime
            return True

        try:
            wait_until(has_ended, seconds, str(self._process.args[0]))
        except BaseException:
            self.stop()
            raise
        if self._process.returncode != 0:
            self.check_alive()
        return usage

    def cpu_seconds(self):
        """User and system time so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def peak_memory_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0
