"""What the last lines of a run of all tests say: which were left out, and how to have them."""

from collections.abc import Iterator

import pytest

# how the reasons of skipped tests begin; what is skipped for another reason is nobody's loss
SUBJECTS = ("the reader in C", "the reader in JavaScript", "the page in a browser")


def left_out(reports: list[pytest.TestReport]) -> Iterator[str]:
    """Yield a line for each reason to leave tests of a subject out."""
    reasons = [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]
    for subject in SUBJECTS:
        start = f"{subject}: "
        told = [reason.split(start, 1)[1] for reason in reasons if start in reason]
        for reason in sorted(set(told)):
            count = told.count(reason)
            tests = "1 test" if count == 1 else f"{count} tests"
            yield (
                f"Left out: {tests} of {subject}, since {reason}; install what is missing and"
                " run `make test` again."
            )
