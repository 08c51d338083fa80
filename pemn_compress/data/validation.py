"""A part of the training samples that is set apart, to measure on while training goes on."""

from dataclasses import replace
from math import floor

import numpy as np

from pemn_compress.data.samples import Data
from pemn_compress.errors import DataError
from pemn_compress.format import prng

STREAM = 1 << 34  # the words that choose the samples; scores and orders take other streams


def with_validation(data: Data, size: float, seed: int) -> Data:
    """Return data with `size` of its training samples set apart as its validation part.

    `size` is a fraction below 1, rounded to the nearest number of samples, halves up, or that
    number; 0 sets nothing apart. Which samples these are, the seed decides, on every machine alike;
    both parts keep their order. Data that bring a validation part keep it. Raises DataError where
    one of the two parts would be empty.
    """
    if not size or data.train is None or data.validation is not None:
        return data
    samples = len(data.train)
    count = int(size) if size >= 1 else floor(size * samples + 0.5)
    if not 1 <= count < samples:
        raise DataError(
            f"validation {size:g}: expected samples for both parts, got {min(count, samples)} for "
            f"validation and {max(samples - count, 0)} for training of {samples} training samples"
        )
    order = np.argsort(prng.words(seed % 2**64, STREAM, samples), kind="stable")
    apart, rest = np.sort(order[:count]), np.sort(order[count:])
    return replace(
        data, train=data.train.chosen(rest.tolist()), validation=data.train.chosen(apart.tolist())
    )
