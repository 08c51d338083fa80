"""Every operator of a graph in numpy, beside what torch computes."""

import inspect
import math
import time

import numpy as np
import pytest
import torch
from operator_cases import CASES, DTYPES, OWN

from pemn_compress.format.graph import DType, operators
from pemn_compress.running.kernels import KERNELS, MISSING

TOLERANCE = {torch.float16: 4e-3, torch.float32: 2e-5, torch.float64: 1e-11}


def to_numpy(value):
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, DType):
        return value.name
    return [to_numpy(item) for item in value] if isinstance(value, list) else value


def to_torch(value):
    return DTYPES[value.name] if isinstance(value, DType) else value


def by_torch(name, arguments):
    base, _, overload = name.partition(".")
    operator = getattr(getattr(torch.ops.aten, base), overload or "default")
    names = [argument.name for argument in operators()[name].arguments]
    return operator(**dict(zip(names, map(to_torch, arguments), strict=False)))


def compare(found, expected):
    if isinstance(expected, list | tuple):
        assert isinstance(found, tuple)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            compare(one, other)
        return
    found = np.asarray(found)
    assert str(torch.from_numpy(np.array(found)).dtype) == str(expected.dtype)
    assert found.shape == tuple(expected.shape)
    if not expected.is_floating_point():
        np.testing.assert_array_equal(found, expected.numpy())
        return
    close = TOLERANCE[expected.dtype]
    finite = expected[expected.isfinite()].double().abs()
    scale = max(1.0, finite.max().item() if finite.numel() else 1.0)
    wanted = expected.double().numpy()
    np.testing.assert_allclose(
        found.astype(np.float64), wanted, rtol=close, atol=close * min(scale, 100), equal_nan=True
    )


def run(name, arguments):
    given = [to_numpy(argument) for argument in arguments]
    with np.errstate(all="ignore"):
        return KERNELS[name](*given)


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_operator_is_what_torch_computes(name):
    for arguments in CASES[name]:
        kept = [np.array(one) for one in flat(arguments)]
        expected, found = by_torch(name, arguments), run(name, arguments)
        try:
            compare(found, expected)
        except AssertionError as error:
            told = [one.shape if isinstance(one, torch.Tensor) else one for one in arguments]
            raise AssertionError(f"{name}{told}: {error}") from None
        for one, before in zip(flat(arguments), kept, strict=True):
            np.testing.assert_array_equal(one, before)  # nothing is changed in place


def flat(arguments):
    for one in arguments:
        if isinstance(one, torch.Tensor):
            yield one.numpy()
        elif isinstance(one, list):
            yield from flat(one)


@pytest.mark.parametrize("name", sorted(OWN))
def test_an_operator_of_the_format_is_what_the_text_says(name):
    for arguments, expected in OWN[name]:
        found = run(name, arguments)
        assert found == expected
        assert type(found) is int


def test_every_operator_is_there_and_tried():
    assert set(operators()) == set(CASES) | set(OWN)
    assert set(operators()) == set(KERNELS) | set(MISSING)
    assert not set(KERNELS) & set(MISSING)
    assert all(len(reason) > 10 for reason in MISSING.values())


def _spelled(value):
    """Return a default as a list where it is one number for all, a number where it is a float."""
    if isinstance(value, list | tuple):
        return tuple(value)[:1] if len(set(value)) == 1 else tuple(value)
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_a_kernel_takes_what_the_schema_says(name):
    schema = operators()[name]
    parameters = inspect.signature(KERNELS[name]).parameters.values()
    assert len(parameters) == len(schema.arguments)
    for parameter, argument in zip(parameters, schema.arguments, strict=True):
        required = parameter.default is inspect.Parameter.empty
        assert required == argument.required, argument.name
        if not required and argument.type.base != "MemoryFormat":
            assert _spelled(parameter.default) == _spelled(argument.default), argument.name


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add.Tensor", (np.ones(3), np.ones(4))),
        ("view", (np.ones(3), [2])),
        ("gather", (np.ones((2, 2)), 1, np.array([[2]]))),
        ("gather", (np.ones((2, 2)), 1, np.array([[-1]]))),
        ("embedding", (np.ones((2, 2)), np.array([-1]))),
        ("index.Tensor", (np.ones(2), [np.array([2])])),
        ("conv2d", (np.ones((1, 3, 4, 4)), np.ones((2, 2, 3, 3)))),
        ("conv2d", (np.ones((1, 3, 2, 2)), np.ones((2, 3, 3, 3)))),
        ("linear", (np.ones((2, 3), np.float32), np.ones((4, 3)))),
        ("max_pool2d", (np.ones((1, 1, 4, 4)), [2, 2], [2, 2], [2, 2])),
        ("floor_divide.Scalar", (np.ones(3, int), 0)),
        ("softmax.int", (np.ones(3), 1)),
        ("split_with_sizes", (np.ones(3), [1, 1])),
        ("topk", (np.ones(3), 4)),
        ("squeeze.dim", (np.ones(3), 1)),
        ("scaled_dot_product_attention", (*[np.ones((2, 2))] * 3, None, 0.5)),
        (
            "lstm.input",
            (np.ones((1, 1, 1)), [np.ones((1, 1, 1))] * 2, [], True, 1, 0.0, False, False, False),
        ),
        ("pad", (np.ones((1, 1, 2)), [2, 0], "reflect")),
        ("to.dtype", (np.ones(2), "c64")),
    ],
)  # fmt: skip
def test_what_an_operator_refuses(name, arguments):
    with pytest.raises((ValueError, TypeError, IndexError, ZeroDivisionError)):
        KERNELS[name](*arguments)


def test_bfloat16_is_held_in_binary32_and_rounded_by_casts():
    numbers = torch.tensor(
        [1.0, 1.00390625, 1.01171875, -3.14159, math.inf, math.nan, 1e-40, 3.4e38]
    )
    found = KERNELS["to.dtype"](numbers.numpy(), "bf16")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, numbers.to(torch.bfloat16).float().numpy())


def test_a_layer_of_a_resnet_takes_milliseconds():
    images = np.ones((100, 16, 32, 32), np.float32)
    weight = np.ones((16, 16, 3, 3), np.float32)
    start = time.process_time()
    found = KERNELS["conv2d"](images, weight, None, [1, 1], [1, 1])
    assert time.process_time() - start < 2
    assert found[0, 0, 1, 1] == 144
