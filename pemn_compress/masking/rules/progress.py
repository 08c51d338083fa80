"""How far a training is, as a loop tells a model that changes on the way. Torch-free."""

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.numbers import whole

Progress = tuple[int | None, int | None, int | None]


def check_progress(epoch: int | None, step: int | None, steps: int | None) -> Progress:
    """Return (epoch, step, steps) as Python's numbers, None where nothing is told.

    Raises SettingError for a number below 0, and for a step beyond the last.
    """
    told = {"epoch": epoch, "step": step, "steps": steps}
    epoch, step, steps = (
        None if number is None else whole(number, name) for name, number in told.items()
    )
    if step is not None and steps is not None and step > steps:
        raise SettingError(f"step: expected one up to the {steps} in all, got {step}")
    return epoch, step, steps
