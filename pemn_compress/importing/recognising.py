"""Whose checkpoint a file is, by what it holds: a wrong --from can get every weight wrong.

What the projects write: iterand alone names scores `weight_score`. biprop records `conv_type` and
`prune_rate` (its first versions did not); hidden-networks, which it comes from, records neither,
but like it the name of an architecture and accuracies. PEMN writes the bare state, and its
ConvMixer has residual blocks called `fn`. A bare state of other names may be of all three.
"""

import re
from dataclasses import dataclass

from pemn_compress.errors import ModelError
from pemn_compress.importing.checkpoints import Checkpoint
from pemn_compress.importing.projects import PROJECTS

_BIPROP = ("conv_type", "prune_rate")
_TRAINING_SCRIPT = ("arch", "best_acc1", "curr_acc1", "best_train_acc1")
_CONVMIXER = re.compile(r"^\d+\.\d+\.fn\.")


@dataclass(frozen=True)
class Writers:
    """The projects that may have written a file, and what in it shows that."""

    projects: tuple[str, ...]
    sign: str


def check_project(checkpoint: Checkpoint, project: str) -> list[str]:
    """Refuse a checkpoint that another project wrote, of another rule; tell of one of the same.

    Returns what has to be told. Raises ModelError, which names the project.
    """
    writers = _writers(checkpoint)
    if project in writers.projects:
        return []
    names = " or ".join(writers.projects)
    said = f"{writers.sign}, as in a checkpoint of {names}"
    fixed = checkpoint.recorded("conv_type") == "FixedSubnetConv"  # masks, whoever wrote them
    if not fixed and not any(_same_rule(project, other) for other in writers.projects):
        raise ModelError(
            f"{checkpoint.name}: {said}: expected {names} for its project "
            f"(--from {writers.projects[0]}), got {project}"
        )
    return [f"{said}; read as {project}'s, whose masks are made by the same rule"]


def undecided(checkpoint: Checkpoint, project: str) -> list[str]:
    """Return what nothing in the file decides, where it does not show that it is the project's."""
    if project != "biprop" or any(checkpoint.recorded(key) is not None for key in _BIPROP):
        return []
    return [
        "the file records neither conv_type nor prune_rate, as biprop's do: nothing in it tells it "
        "from one of hidden-networks, whose weights are used as they are"
    ]


def _same_rule(project: str, other: str) -> bool:
    one, two = PROJECTS[project], PROJECTS[other]
    return one.choose is two.choose and one.binary == two.binary


def _writers(checkpoint: Checkpoint) -> Writers:
    ends = {rule.scores for rule in PROJECTS.values()}
    found = {end for end in ends if any(n.endswith(f".{end}") for n in checkpoint.state)}
    if found == {"weight_score"}:
        return Writers(("iterand",), "its scores are named weight_score")
    if found != {"scores"}:
        return Writers(tuple(PROJECTS), "it has no scores")
    recorded = [key for key in _BIPROP if checkpoint.about.get(key) is not None]
    if recorded:
        return Writers(("biprop",), f"it records {' and '.join(recorded)}")
    if checkpoint.recorded("conv_type") == "GlobalSubnetConv":
        return Writers(("biprop",), "it is of GlobalSubnetConv")
    records = [key for key in _TRAINING_SCRIPT if key in checkpoint.about]
    if records:
        return Writers(("hidden-networks", "biprop"), f"it records {' and '.join(records)}")
    if any(_CONVMIXER.match(name) for name in checkpoint.state):
        return Writers(("pemn",), "it has names such as 3.0.fn.0")
    return Writers(("hidden-networks", "biprop", "pemn"), "its scores are named scores")
