"""What an audit found, and how it is shown."""

import textwrap
from dataclasses import dataclass
from typing import Literal, get_args

Group = Literal["reference", "release", "wrong", "right", "engine"]


@dataclass(frozen=True)
class Finding:
    """One thing that the audit tried: in which group, what, whether it went as it must, and what is to be read.

    `slow` says of a wrong answer that a check takes long with it.
    """

    group: Group
    title: str
    passed: bool
    text: str = ""
    slow: bool = False


@dataclass(frozen=True)
class Report:
    """All findings of one lab.

    `seconds` is the CPU time of marking the reference, `slowest` its slowest check, `spent` the audit's own CPU time.
    """

    key: str
    points: float
    findings: tuple[Finding, ...]
    seconds: float = 0.0
    slowest: str = ""
    spent: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(finding.passed for finding in self.findings)


def shown(report: Report, messages: bool) -> str:
    """The report as text: a line a group, then what failed, then (with `messages`) what students would read."""
    marking = f"marked in {report.seconds:.1f} CPU-s"
    marking += f" (slowest check {report.slowest})" if report.slowest else ""
    lines = [f"{report.key}: {report.points:g} points, {marking}, audited in {report.spent:.0f}"]
    for group in get_args(Group):
        found = [finding for finding in report.findings if finding.group == group]
        passed = sum(finding.passed for finding in found)
        lines.append(f"  {group:<10}{passed}/{len(found)}" if found else f"  {group:<10}not tried")
        for finding in found:
            if not finding.passed or (messages and finding.text):
                lines.append(f"    {'✓' if finding.passed else '✗'} {finding.title}")
                lines.append(textwrap.indent(finding.text, " " * 8))
    return "\n".join(line for line in lines if line)
