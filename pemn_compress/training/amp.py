"""Whether this machine computes in bfloat16 faster than in float32, as amp is meant to."""

import time

import torch

SIZE = 256  # a product of matrices of this size takes a millisecond or so in float32
REPEATS = 5
SLOWER = 1.5  # below this it is hardly worth a word


def slow_bfloat16(device: torch.device) -> str | None:
    """Return one line if amp makes training slower on `device`, else None.

    Measured on one thread, in some hundredths of a second of its own time, which other work on the
    machine does not lengthen: what a processor says of itself is named otherwise on every kind, and
    libraries may be told not to use it. A GPU's is asked of torch.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return None
        return (
            f"amp: {torch.cuda.get_device_name(device)} has no instructions for bfloat16, which "
            "is slower there than float32; train without amp"
        )
    if device.type != "cpu":
        return None
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        slower = _seconds(torch.bfloat16) / _seconds(torch.float32)
    finally:
        torch.set_num_threads(threads)
    if slower < SLOWER:
        return None
    return (
        f"amp: matrices are multiplied {slower:.1f} times slower in bfloat16 than in float32 on "
        "this processor (measured), which has no instructions for it; train without amp"
    )


def _seconds(dtype: torch.dtype) -> float:
    ones = torch.ones(SIZE, SIZE, dtype=dtype)
    passed = []
    for _ in range(REPEATS + 1):  # the first one warms up
        started = time.thread_time()
        ones @ ones
        passed.append(time.thread_time() - started)
    return min(passed)
