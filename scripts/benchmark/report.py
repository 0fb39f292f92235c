"""Figures from samples, and how they are shown."""

import dataclasses
import json
import statistics

GIB = 1 << 30
MIB = 1 << 20


@dataclasses.dataclass
class Figure:
    """What came out for one subject: the median run, and the spread of all of them."""

    rate: float
    worst: float
    best: float
    cpu_seconds: float
    peak_memory_bytes: int
    requests: dict


@dataclasses.dataclass
class Row:
    workload: str
    shape: str
    unit: str
    gib: float  # moved by one run; 0 where the unit is not bytes
    figures: dict = dataclasses.field(default_factory=dict)  # by subject
    ideal: float | None = None
    failures: dict = dataclasses.field(default_factory=dict)  # by subject


def figure_of(samples, amount):
    """The figure of the runs of one subject."""
    ordered = sorted(samples, key=lambda sample: sample.seconds)
    median = ordered[(len(ordered) - 1) // 2]
    rates = [amount / sample.seconds for sample in samples]
    return Figure(statistics.median(rates), min(rates), max(rates), median.cpu_seconds,
                  max(sample.peak_memory_bytes for sample in samples), median.requests)


def _number(value):
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value, other):
    return "-" if not value or not other else f"{value / other:.2f}"


def _cells(row, ours, peer):
    own, other = row.figures.get(ours), row.figures.get(peer)
    own_rate, other_rate = own and own.rate, other and other.rate

    def per_gib(figure):
        return _number(figure.cpu_seconds / row.gib) if figure and row.gib else "-"

    def cpu(figure):
        return _number(figure.cpu_seconds) if figure else "-"

    def peak(figure):
        return _number(figure.peak_memory_bytes / MIB) if figure else "-"

    return [row.workload, row.shape, row.unit,
            "failed" if ours in row.failures else _number(own_rate),
            "failed" if peer in row.failures else _number(other_rate),
            _ratio(own_rate, other_rate), _number(row.ideal), _ratio(own_rate, row.ideal),
            cpu(own), cpu(other), per_gib(own), per_gib(other), peak(own), peak(other)]


def table(rows, ours, peer):
    """The rows as text, with the requests of ours and the failures below."""
    head = ["workload", "shape", "unit", ours, peer or "peer", "ratio", "ideal", "of ideal", "cpu s", "peer", "s/GiB", "peer",
            "peak MiB", "peer"]
    lines = [head] + [_cells(row, ours, peer) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = []
    for line in lines:
        cells = [cell.ljust(width) if column < 3 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths, strict=True))]
        text.append("  ".join(cells).rstrip())
    text.append("")
    if peer:
        text.append(f"{peer} lets a program close a file before it is in the cloud; its clock runs until it has arrived.")
    text.append(f"requests of {ours}, by class:")
    for row in rows:
        figure = row.figures.get(ours)
        if figure:
            counts = ", ".join(f"{name} {count}" for name, count in figure.requests.items()) or "none"
            text.append(f"  {row.workload} ({row.shape}): {counts}")
    for row in rows:
        for subject, reason in row.failures.items():
            text.append(f"failed: {row.workload} ({row.shape}), {subject}: {reason}")
    return "\n".join(text)


def as_json(rows):
    return json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
