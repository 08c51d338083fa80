"""Metrics and bytes of rows as figures to read: an accuracy in per cent, others as they are."""

import math

from pemn_compress.reporting import words
from pemn_compress.reporting.runs.merging import Spread


def is_share(metric: str) -> bool:
    """Tell whether a metric is a share of answers, told in per cent."""
    return metric == "accuracy"


def head_of(metric: str) -> str:
    """Return what a column of a metric is called."""
    return f"{words.clean(metric, 60)}, %" if is_share(metric) else words.clean(metric, 60)


def number(metric: str, value: float | None) -> str:
    """Return a metric's value without its unit.

    >>> number("accuracy", 0.98886), number("mse", 0.0123456), number("mse", None)
    ('98.89', '0.012346', '-')
    """
    if value is None:
        return words.NOT_COUNTED
    return f"{100 * value:.2f}" if is_share(metric) else f"{value:.5g}"


def change(metric: str, value: float | None) -> str:
    """Return a difference of two values, with its sign.

    >>> change("accuracy", 0.0042), change("accuracy", -0.01)
    ('+0.42', '-1.00')
    """
    if value is None:
        return words.NOT_COUNTED
    return f"{100 * value:+.2f}" if is_share(metric) else f"{value:+.4g}"


def spread(metric: str, told: Spread) -> str:
    """Return mean and spread with the unit, for a sentence or a label.

    >>> spread("accuracy", Spread(0.9889, 0.002, 3)), spread("mse", Spread(2.0, None, 1))
    ('98.89 ± 0.20 %', '2')
    """
    text = number(metric, told.mean)
    if told.std is not None:
        text += f" ± {number(metric, told.std)}"
    return f"{text} %" if is_share(metric) else text


def stored(told: Spread) -> str:
    """Return bytes in full, rounded to whole ones."""
    return f"{math.floor(told.mean + 0.5):,}"
