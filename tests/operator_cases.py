"""Arguments to try each operator of a graph with, in the order of its schema."""

import math

import torch

from pemn_compress.format.graph import DType

DTYPES = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16,
    "i32": torch.int32, "i64": torch.int64, "f16": torch.float16, "f32": torch.float32,
    "f64": torch.float64,
}  # fmt: skip
F16, F32, F64, I32, I64 = (DTYPES[name] for name in ("f16", "f32", "f64", "i32", "i64"))
D = {name: DType(name) for name in DTYPES}

_random = torch.Generator().manual_seed(13)


def f(*shape, dtype=F32, low=-2.0, high=2.0):
    return (torch.rand(shape, generator=_random, dtype=F64) * (high - low) + low).to(dtype)


def i(*shape, low=-5, high=6, dtype=I64):
    return torch.randint(low, high, shape, generator=_random).to(dtype)


def b(*shape):
    return torch.randint(0, 2, shape, generator=_random).bool()


def distinct(*shape, dtype=F32):
    """Return numbers no two of which are equal, so that an order is one alone."""
    count = math.prod(shape)
    return torch.randperm(count, generator=_random).reshape(shape).to(dtype) / 3


SPECIAL = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, 3.5])
T = torch.tensor
EMPTY = torch.zeros(0, 3)

_REAL = [
    (f(3, 4),),
    (f(2, 3, dtype=F64),),
    (f(5, dtype=F16),),
    (i(4),),
    (EMPTY,),
    (f(),),
    (SPECIAL,),
]
_REAL += [(f(3, 4).T,), (i(3, dtype=torch.uint8, low=0),)]
_FLOAT = [one for one in _REAL if one[0].is_floating_point()]
_KEEPS = [(i(4),), (f(3, 4),), (f(5, dtype=F16),), (SPECIAL,), (EMPTY,), (f(2, dtype=F64),)]
_TWO = [
    (f(3, 4), f(3, 4)), (f(3, 4), f(4)), (f(2, 1, 3), f(4, 1)), (i(3), f(3)), (i(3), f()),
    (f(3, dtype=F16), f(3)), (f(3, dtype=F16), f(dtype=F64)), (f(3, dtype=F64), f(3)),
    (i(4, dtype=I32), i(4)), (i(4, dtype=torch.uint8, low=0), i(4, dtype=torch.int8)),
    (EMPTY, f(3)), (SPECIAL, SPECIAL.flip(0)), (i(3, dtype=I32), i()),
]  # fmt: skip
_SCALAR = [
    (f(3, 4), 2), (f(3), 0.3), (i(3), 2), (i(3), 0.5), (f(3, dtype=F16), 1.7), (EMPTY, 2),
    (f(2, dtype=F64), 0.1), (i(3, dtype=I32), 3), (SPECIAL, 2.5),
]  # fmt: skip
_INTEGERS = [
    (i(3, 4), i(3, 4)), (i(3, dtype=I32), i(3)), (b(4), b(4)), (i(3), i()), (b(3), i(3)),
    (i(0), i(0)),
]  # fmt: skip
_INTEGER_SCALAR = [(i(3, 4), 3), (i(3, dtype=I32), 5), (b(4), True), (i(0), 2)]
_DIM = [(f(3, 4), 1), (f(3, 4, dtype=F64), -2, True), (f(2, 3, 4, dtype=F16), 0), (f(), 0)]
_POSITIVE = [
    (f(3, low=0.1), f(3)),
    (f(3, dtype=F64, low=0.1), f(2, 3, dtype=F64)),
    (i(3, low=1), i(3, low=0)),
]
_DIVIDE_INTEGERS = [
    (i(9), T([3, -3, 2, -2, 1, 7, -7, 5, 4])),
    (i(4, dtype=I32), 3),
    (-f(5) * 3, f(5, low=0.5)),
]
_NORMED = [(f(4, 3, 5, 5), f(3), f(3), f(3), f(3, low=0.1))]

PAIR = [(2, 3), (f(4, 3), f(5, 3))]
_W_LSTM = [f(16, 3), f(16, 4), f(16), f(16)]
_W_GRU = [f(12, 3), f(12, 4), f(12), f(12)]
_W_RNN = [f(4, 3), f(4, 4), f(4), f(4)]


def _recurrent(gates, states):
    """Plain, without biases, two layers of two directions with the batch first, float64."""

    def weights(inner, dtype=F32, biases=True):
        rows = 4 * gates
        four = [f(rows, inner, dtype=dtype), f(rows, 4, dtype=dtype)]
        return [*four, f(rows, dtype=dtype), f(rows, dtype=dtype)] if biases else four

    def state(*shape, dtype=F32):
        made = [f(*shape, dtype=dtype) for _ in range(states)]
        return made if states > 1 else made[0]

    both = weights(3) + weights(3) + weights(8) + weights(8)
    return [
        (f(5, 2, 3), state(1, 2, 4), weights(3), True, 1, 0.0, False, False, False),
        (f(5, 2, 3), state(1, 2, 4), weights(3, biases=False), False, 1, 0.5, False, False, False),
        (f(2, 5, 3), state(4, 2, 4), both, True, 2, 0.0, False, True, True),
        (f(1, 1, 3, dtype=F64), state(1, 1, 4, dtype=F64), weights(3, F64), True, 1, 0.0, False, False, True),
    ]  # fmt: skip


_LSTM_PROJECTED = (
    f(5, 2, 3), [f(1, 2, 2), f(1, 2, 4)], [f(16, 3), f(16, 2), f(16), f(16), f(2, 4)], True, 1,
    0.0, False, False, False,
)  # fmt: skip

CASES = {
    # of one tensor, element by element
    **{
        name: _REAL
        for name in (
            "acos", "asin", "atan", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "log",
            "log1p", "log2", "reciprocal", "rsqrt", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh",
        )
    },
    **{
        name: _KEEPS
        for name in (
            "abs", "neg", "square", "sign", "sgn", "ceil", "floor", "trunc", "round", "isnan",
            "isinf", "isfinite", "relu", "clone", "relu6",
        )
    },
    "frac": _FLOAT,
    "bitwise_not": [(i(4),), (b(4),), (i(3, dtype=I32),)],
    "logical_not": [(i(4),), (b(4),), (f(3),), (EMPTY,)],
    **{
        name: _FLOAT
        for name in ("hardsigmoid", "hardswish", "selu", "silu", "mish", "log_sigmoid")
    },
    # of infinity torch makes a NaN or infinity, as the length of the tensor happens to be
    "gelu": [*_FLOAT[:-2], (f(3, 4), "tanh"), (f(3, dtype=F16), "tanh"), (f(5, low=-6, high=6),)],
    "elu": [*_FLOAT, (f(4), 0.7, 1.3, 0.5)],
    "celu": [*_FLOAT, (f(4), 0.7)],
    "hardtanh": [*_FLOAT, (f(4), -0.5, 0.7), (i(4), -2, 2)],
    "hardshrink": [(f(9),), (f(9), 1.0), (f(4, dtype=F16),)],
    "softshrink": [(f(9),), (f(9), 1.0), (f(4, dtype=F64),)],
    "leaky_relu": [*_FLOAT, (f(4), 0.3)],
    "prelu": [(f(2, 3, 4), f(3)), (f(2, 3), f(1)), (f(4), f(1)), (f(2, 3, dtype=F64), f(3, dtype=F64))],
    "softplus": [*_FLOAT, (f(4), 2, 1), (f(4), 0.5)],
    "threshold": [(f(9), 0.5, 0.1), (i(9), 2, 7), (f(3, dtype=F16), 0.0, 20.0)],
    "glu": [(f(4, 6),), (f(4, 6), 0), (f(2, 4, dtype=F16),)],
    "softmax.int": [(f(3, 4), 1), (f(3, 4), 0), (f(2, 3, dtype=F16), -1), (f(), 0), (i(3), 0, D["f32"]), (EMPTY, 0), (EMPTY, 1), (f(3, dtype=F16), 0, D["f32"])],
    "log_softmax.int": [(f(3, 4), 1), (f(3, 4), 0), (f(2, 3, dtype=F16), -1), (f(), 0), (i(3), 0, D["f64"]), (EMPTY, 1)],
    # of two and more
    "add.Tensor": [*_TWO, (b(3), b(3)), (f(3), f(3), 2), (i(3), i(3), -2), (f(3, dtype=F16), f(3, dtype=F16), 0.3), (i(3), b(3))],
    "add.Scalar": [*_SCALAR, (f(3), 2, 3), (b(3), 1), (b(3), 0.5), (f(), 2), (i(), 0.5)],
    "sub.Tensor": [*_TWO, (f(3), f(3), 2)],
    "sub.Scalar": [*_SCALAR, (f(3), 2, 3)],
    "rsub.Tensor": [*_TWO, (f(3), f(3), 2)],
    "rsub.Scalar": [*_SCALAR, (f(3), 2, 3)],
    "mul.Tensor": [*_TWO, (b(3), b(3)), (b(3), f(3))],
    "mul.Scalar": [*_SCALAR, (b(3), True)],
    "div.Tensor": [*_TWO, (b(3), b(3))],
    "true_divide.Tensor": _TWO[:6],
    "div.Scalar": _SCALAR,
    "div.Tensor_mode": [
        (a, other, mode) for a, other in _DIVIDE_INTEGERS for mode in ("floor", "trunc", None)
        if isinstance(other, torch.Tensor)
    ] + [(SPECIAL, SPECIAL.flip(0), "floor"), (SPECIAL, SPECIAL.flip(0), "trunc")],
    "div.Scalar_mode": [(i(9), 3, "floor"), (i(9), -3, "trunc"), (f(9), 0.3, "floor"), (f(9), 0.7, "trunc"), (i(3), 2, None), (i(3, dtype=I32), 2, "floor")],
    "floor_divide": [one for one in _DIVIDE_INTEGERS if isinstance(one[1], torch.Tensor)],
    "floor_divide.Scalar": [(i(9), 3), (i(9), -3), (f(9), 0.3), (i(4, dtype=I32), 2)],
    "remainder.Tensor": [(i(9), T([3, -3, 2, -2, 1, 7, -7, 5, 4])), (f(9), f(9)), (SPECIAL, SPECIAL.flip(0))],
    "remainder.Scalar": [(i(9), 3), (i(9), -3), (f(9), 0.3), (f(9, dtype=F64), -0.3)],
    "fmod.Scalar": [(i(9), 3), (i(9), -3), (f(9), 0.3), (f(9, dtype=F64), -0.3)],
    "pow.Tensor_Scalar": [(f(3), 2), (f(3, low=0.1), 0.5), (i(3), 3), (i(3), 0.5), (f(3, dtype=F16), 2), (f(3), -1.5), (f(3), 0), (i(4), 0), (f(3, low=0.1), -1), (SPECIAL, 2)],
    "pow.Scalar": [(2, f(3)), (2.5, i(3)), (2, i(3, low=0)), (0, f(3))],
    "pow.Tensor_Tensor": [*_POSITIVE, (i(9), i(9)), (T([1, -1, -1, 2]), T([-3, -3, -2, -1]))],
    "addcmul": [(f(3), f(3), f(3)), (f(2, 3), f(3), f(2, 1), 0.5), (i(3), i(3), i(3), 2), (f(3, dtype=F16), f(3, dtype=F16), f(3, dtype=F16))],
    "addcdiv": [(f(3), f(3), f(3, low=0.5)), (f(2, 3), f(3), f(2, 1, low=0.5), 0.5)],
    "lerp.Scalar": [(f(3), f(3), 0.3), (f(3), f(3), 0.7), (f(3, dtype=F64), f(3, dtype=F64), 0.7)],
    "lerp.Tensor": [(f(3), f(3), f(3)), (f(2, 3), f(3), f(2, 1))],
    "atan2": [*_TWO[:10], (i(3), i(3)), (SPECIAL, SPECIAL.flip(0))],
    "hypot": [(f(3), f(3)), (f(3, dtype=F64), f(3, dtype=F64)), (f(2, 1), f(3))],
    **{
        name: [*_TWO, (b(3), b(3))]
        for name in ("maximum", "minimum", "max.other", "min.other")
    },
    "clamp": [(f(9), -1, 1), (f(9), None, 0.5), (f(9), 0.3), (i(9), -2, 2), (i(9), 0.5, None), (f(3, dtype=F16), -0.3, 0.3), (SPECIAL, -1, 2), (f(3), 2, 1)],
    "clamp.Tensor": [(f(2, 3), f(3), None), (f(2, 3), None, f(2, 1)), (i(3), f(3), f(3))],
    "clamp_min": [(f(9), 0.2), (i(9), 0), (i(9), 0.5)],
    "clamp_max": [(f(9), 0.2), (i(9), 0), (SPECIAL, 1)],
    "where.self": [(b(2, 3), f(3), f(2, 1)), (b(3), f(3), i(3)), (b(3), f(3, dtype=F16), f()), (b(0), f(0), f(0)), (b(), f(3), f(3))],
    "where.Scalar": [(b(3), 1, 2), (b(3), 1.5, 2), (b(3), True, False)],
    "where.ScalarSelf": [(b(3), 1, f(3)), (b(3), 1.5, i(3)), (b(3), 0, f(3, dtype=F16))],
    "where.ScalarOther": [(b(3), f(3), 0), (b(3), i(3), 1.5), (b(3), f(3), -math.inf)],
    "masked_fill.Scalar": [(f(2, 3), b(3), 0.5), (i(3), b(3), 2), (f(3, dtype=F16), b(3), -math.inf), (f(3), b(2, 3), 1)],
    "masked_fill.Tensor": [(f(2, 3), b(3), T(0.5)), (i(3), b(3), T(2))],
    "nan_to_num": [(SPECIAL,), (SPECIAL, 1.0, 2.0, -2.0), (i(3),), (SPECIAL.half(),)],
    "copy": [(f(2, 3), f(3)), (i(3), f(3)), (f(3), i(3)), (f(2), f())],
    "fill.Scalar": [(f(2, 3), 0.5), (i(3), 2)],
    "fill.Tensor": [(f(2, 3), T(0.5)), (i(3), T(2))],
    "zero": [(f(2, 3),), (i(3),), (b(3),)],
    **{
        name: [*_TWO, (b(3), i(3))]
        for name in ("eq.Tensor", "ne.Tensor", "lt.Tensor", "le.Tensor", "gt.Tensor", "ge.Tensor")
    },
    **{
        name: [*_SCALAR, (i(5), 0.5), (b(3), 1)]
        for name in ("eq.Scalar", "ne.Scalar", "lt.Scalar", "le.Scalar", "gt.Scalar", "ge.Scalar")
    },
    **{
        name: [(f(3), i(3)), (b(2, 3), b(3)), (SPECIAL, SPECIAL.flip(0)), (EMPTY, b(3))]
        for name in ("logical_and", "logical_or", "logical_xor")
    },
    **{
        name: _INTEGERS
        for name in (
            "__and__.Tensor", "__or__.Tensor", "__xor__.Tensor", "bitwise_and.Tensor",
            "bitwise_or.Tensor", "bitwise_xor.Tensor",
        )
    },
    "bitwise_and.Scalar": _INTEGER_SCALAR,
    "bitwise_or.Scalar": _INTEGER_SCALAR,
    "bitwise_left_shift.Tensor_Scalar": [(i(4), 2), (i(3, dtype=I32), 3)],
    "bitwise_right_shift.Tensor_Scalar": [(i(4), 2), (i(3, dtype=I32), 1)],
    # reductions
    "sum": [(f(3, 4),), (i(3, dtype=I32),), (b(5),), (f(3, dtype=F16),), (EMPTY,), (f(),), (i(3), D["f32"]), (f(3), D["f64"])],
    "sum.dim_IntList": [(f(3, 4), [1]), (f(3, 4), [0, -1], True), (f(3, 4), None), (f(3, 4), []), (b(3, 4), [0]), (f(2, 3, 4, dtype=F16), [1]), (EMPTY, [0]), (EMPTY, [1]), (i(3, 2), [0], False, D["f64"]), (f(), [0])],
    "mean": [(f(3, 4),), (f(3, dtype=F16),), (i(3), D["f32"]), (EMPTY,)],
    "mean.dim": [(f(3, 4), [1]), (f(3, 4), [0, -1], True), (f(3, 4), None), (f(2, 3, 4, dtype=F16), [1]), (EMPTY, [0]), (i(3, 2), [0], False, D["f64"])],
    "prod": [(f(3, 4),), (i(3, dtype=I32),), (EMPTY,), (f(3), D["f64"])],
    "prod.dim_int": [(f(3, 4), 1), (i(3, 4), -2, True), (b(3, 4), 0)],
    "amax": [(f(3, 4),), (f(3, 4), [1]), (f(3, 4), [0, 1], True), (i(3, 4), [-1]), (SPECIAL, [0]), (f(),)],
    "amin": [(f(3, 4),), (f(3, 4), [1]), (f(3, 4), [0, 1], True), (i(3, 4), [-1]), (SPECIAL, [0])],
    "max": [(f(3, 4),), (i(3),), (SPECIAL,), (f(),)],
    "min": [(f(3, 4),), (i(3),), (SPECIAL,)],
    "max.dim": [*_DIM, (i(3, 4), 1), (SPECIAL, 0), (b(3, 4), 1), (torch.ones(4), 0)],
    "min.dim": [*_DIM, (i(3, 4), 1), (SPECIAL, 0), (torch.ones(4), 0)],
    "argmax": [(f(3, 4),), (f(3, 4), 1), (f(3, 4), -2, True), (f(3, 4), None, True), (f(), 0), (torch.ones(4), 0), (SPECIAL, 0)],
    "argmin": [(f(3, 4),), (f(3, 4), 1), (f(3, 4), -2, True), (f(3, 4), None, True), (torch.ones(4), 0)],
    "all": [(b(3),), (f(3),), (torch.zeros(0),), (i(3, dtype=torch.uint8, low=0),)],
    "any": [(b(3),), (f(3),), (torch.zeros(0),), (i(3, dtype=torch.uint8, low=0),)],
    "all.dim": [(b(3, 4), 0), (b(3, 4), -1, True), (i(3, 2), 1), (EMPTY, 0), (SPECIAL, 0)],
    "any.dim": [(b(3, 4), 0), (b(3, 4), -1, True), (i(3, 2), 1), (EMPTY, 0), (SPECIAL, 0)],
    "count_nonzero": [(i(3, 4),), (i(3, 4), 1), (b(3, 4), -2), (f(3),)],
    "logsumexp": [(f(3, 4), [1]), (f(3, 4), [0, 1], True), (f(3, dtype=F16), [0]), (T([-math.inf, -math.inf]), [0]), (T([math.inf, 1.0]), [0]), (i(3), [0]), (EMPTY, [0])],
    **{
        name: [(f(3, 4),), (f(3, 4), [1]), (f(3, 4), [0, 1], 0), (f(3, 4), [1], 1, True), (f(4, dtype=F64), [0], 0.5), (f(4, dtype=F16), [0]), (f(1), [0])]
        for name in ("var.correction", "std.correction")
    },
    **{
        name: [(f(3, 4), [1]), (f(3, 4), None, False), (f(3, 4), [1], True, True), (f(4, dtype=F64), [0])]
        for name in ("var.dim", "std.dim")
    },
    **{
        name: [(f(3, 4),), (f(3, 4), [1]), (f(3, 4), [0, 1], 0, True), (f(4, dtype=F64), [0], 0.5)]
        for name in ("var_mean.correction", "std_mean.correction")
    },
    "linalg_vector_norm": [(f(3, 4),), (f(3, 4), 1, [1]), (f(3, 4), math.inf, [0], True), (f(3, 4), -math.inf), (f(3, 4), 0, [1]), (f(3, 4), 3.5, [1]), (f(3, dtype=F16), 2, None, False, D["f32"])],
    "norm.Scalar": [(f(3, 4),), (f(3, 4), 1), (f(3), math.inf), (f(3), 3)],
    "norm.ScalarOpt_dim": [(f(3, 4), 2, [1]), (f(3, 4), None, [0], True), (f(3, 4), 1, [0, 1])],
    "norm.ScalarOpt_dim_dtype": [(f(3, 4), 2, [1], False, D["f64"])],
    "cumsum": [*[one[:2] for one in _DIM], (i(3, 4, dtype=I32), 1), (b(4), 0), (f(3), 0, D["f64"])],
    "cumprod": [*[one[:2] for one in _DIM], (i(3, 4, dtype=I32), 1), (f(3), 0, D["f64"])],
    "diff": [(f(3, 4),), (f(3, 4), 9), (f(3, 5), 2, 1), (f(3, 4), 1, 0), (i(4), 1, -1, i(1), i(2)), (f(3, 4), 1, -1, None, f(3, 1))],
    # shapes
    "contiguous": [(f(3, 4),), (f(3, 4).T,)],
    "to.dtype": [(f(3), D["f64"]), (f(3), D["i64"]), (f(3), D["bool"]), (i(3), D["f16"]), (f(3), D["f16"]), (i(3), D["u8"]), (f(3), D["f32"], True)],
    "_to_copy": [(f(3),), (f(3), D["i32"]), (b(3), D["f32"])],
    "type_as": [(f(3), i(3)), (i(3), f(3, dtype=F16))],
    "view": [(f(3, 4), [4, 3]), (f(3, 4), [-1]), (f(2, 3, 4), [2, -1]), (f(), [1, 1]), (torch.zeros(0, 3), [3, 0])],
    "_unsafe_view": [(f(3, 4), [4, 3]), (f(3, 4), [2, -1])],
    "reshape": [(f(3, 4), [4, 3]), (f(3, 4).T, [-1]), (f(2, 3, 4), [2, -1])],
    "view_as": [(f(3, 4), f(12))],
    "reshape_as": [(f(3, 4).T, f(2, 6))],
    "flatten.using_ints": [(f(2, 3, 4),), (f(2, 3, 4), 1), (f(2, 3, 4), 0, 1), (f(),), (torch.zeros(2, 0, 3), 1)],
    "unflatten.int": [(f(2, 12), 1, [3, 4]), (f(2, 12), -1, [3, -1]), (f(6), 0, [2, 3])],
    "squeeze": [(f(1, 3, 1),), (f(3),), (f(),)],
    "squeeze.dim": [(f(1, 3, 1), 0), (f(1, 3, 1), 1), (f(1, 3, 1), -1), (f(), 0)],
    "squeeze.dims": [(f(1, 3, 1), [0, 2]), (f(1, 3, 1), [0, 1])],
    "unsqueeze": [(f(3, 4), 0), (f(3, 4), -1), (f(), 0), (f(3, 4), 2)],
    "permute": [(f(2, 3, 4), [2, 0, 1]), (f(2, 3, 4), [0, -1, 1])],
    "transpose.int": [(f(2, 3, 4), 0, -1), (f(3, 4), 0, 1), (f(), 0, -1)],
    "swapdims": [(f(2, 3, 4), 0, -1)],
    "swapaxes": [(f(2, 3, 4), 1, 2)],
    "adjoint": [(f(2, 3, 4),), (f(3, 4),)],
    "mT": [(f(2, 3, 4),)],
    "t": [(f(3, 4),), (f(3),), (f(),)],
    "numpy_T": [(f(2, 3),), (f(2, 3, 4),)],
    "movedim.int": [(f(2, 3, 4), 0, -1), (f(2, 3, 4), 2, 0)],
    "movedim.intlist": [(f(2, 3, 4), [0, 1], [1, 2]), (f(2, 3, 4), [-1], [0])],
    "expand": [(f(3, 1), [3, 4]), (f(3, 1), [2, -1, 4]), (f(), [2, 3])],
    "broadcast_to": [(f(3, 1), [3, 4]), (f(1), [0])],
    "expand_as": [(f(3, 1), f(2, 3, 4))],
    "narrow": [(f(5, 4), 0, 1, 3), (f(5, 4), -1, -2, 1), (f(5), 0, 5, 0)],
    "select.int": [(f(3, 4), 0, 1), (f(3, 4), -1, -1), (f(3), 0, 2)],
    "slice.Tensor": [(f(5, 4),), (f(5, 4), 0, 1, 3), (f(5, 4), 1, None, -1), (f(5, 4), 0, -3, 9223372036854775807, 2), (f(5), 0, 7, 9), (f(5), 0, -9, 2)],
    "split.Tensor": [(f(5, 4), 2), (f(5, 4), 3, 1), (f(4), 4), (torch.zeros(0, 2), 2)],
    "unsafe_split.Tensor": [(f(5, 4), 2)],
    "split.sizes": [(f(5, 4), [2, 3]), (f(5, 4), [1, 0, 3], 1)],
    "split_with_sizes": [(f(5, 4), [2, 3]), (f(5, 4), [4], -1)],
    "chunk": [(f(5, 4), 2), (f(5, 4), 3, 1), (f(5), 4), (torch.zeros(0, 2), 3)],
    "unsafe_chunk": [(f(5, 4), 2)],
    "tensor_split.sections": [(f(5, 4), 2), (f(5, 4), 3, 1), (f(2), 3)],
    "unbind.int": [(f(3, 4),), (f(3, 4), -1)],
    "unfold": [(f(7), 0, 3, 2), (f(3, 7), -1, 2, 1), (f(5), 0, 5, 1)],
    "diagonal": [(f(3, 4),), (f(3, 4), 1), (f(3, 4), -1), (f(2, 3, 4), 0, 1, 2), (f(2, 3, 4), 0, -1, 0)],
    "cat": [([f(2, 3), f(1, 3)],), ([f(2, 3), f(2, 1)], 1), ([f(2, 3), torch.zeros(0)],), ([i(2), f(3)],), ([f(2, dtype=F16), f(1)], -1), ([EMPTY, f(1, 3)],)],
    "concat": [([f(2, 3), f(1, 3)],)],
    "concatenate": [([f(2, 3), f(1, 3)], 0)],
    "stack": [([f(2, 3), f(2, 3)],), ([f(2, 3), f(2, 3)], -1), ([f(), f()],), ([f(2), f(2)], 1)],
    "hstack": [([f(2), f(3)],), ([f(2, 3), f(2, 1)],), ([f(), f()],)],
    "vstack": [([f(3), f(3)],), ([f(2, 3), f(1, 3)],), ([f(3), f(2, 3)],)],
    "repeat": [(f(2, 3), [2, 1]), (f(3), [2, 3]), (f(3), [0])],
    "tile": [(f(2, 3), [2]), (f(3), [2, 3])],
    "repeat_interleave.self_int": [(f(2, 3), 2), (f(2, 3), 2, 1), (f(2, 3), 3, 0, 6)],
    "repeat_interleave.self_Tensor": [(f(3), T([1, 0, 2])), (f(2, 3), T([2, 1]), 0), (f(2, 3), T([2]), 1)],
    "roll": [(f(3, 4), [1]), (f(3, 4), [1], [1]), (f(3, 4), [1, -2], [0, 1])],
    "flip": [(f(3, 4), [0]), (f(3, 4), [0, -1])],
    "rot90": [(f(3, 4),), (f(3, 4), 2), (f(2, 3, 4), -1, [1, 2])],
    "pixel_shuffle": [(f(2, 8, 3, 4), 2), (f(9, 2, 2), 3)],
    "pixel_unshuffle": [(f(2, 2, 4, 6), 2)],
    "channel_shuffle": [(f(2, 6, 2, 2), 3), (f(1, 4, 3), 2)],
    "meshgrid.indexing": [([f(2), f(3)], "ij"), ([f(2), f(3), f(4)], "xy")],
    "tril": [(f(3, 4),), (f(2, 3, 4), 1), (b(3, 3), -1)],
    "triu": [(f(3, 4),), (f(2, 3, 4), 1), (i(3, 3), -1)],
    # elements by number
    **{
        name: [
            (f(5, 4), [i(3, low=0, high=4)]), (f(5, 4), [None, T([0, -1])]),
            (f(5, 4), [b(5)]), (f(5, 4), [b(5, 4)]), (f(2, 3, 4), [T([0, 1]), None, T([2, 3])]),
            (f(2, 3, 4), [None, T([[0], [1]]), T([1, 2])]), (f(3), [T(1)]), (f(3), [T([], dtype=I64)]),
            (f(2, 3, 4), [T(1), None, T([2, 3])]), (f(5, 4), [T([1], dtype=I32)]),
        ]
        for name in ("index.Tensor",)
    },
    "_unsafe_index.Tensor": [(f(5, 4), [i(3, low=0, high=4)]), (f(5, 4), [None, T([0, 1])])],
    "index_put": [(f(5, 4), [T([0, 2])], f(2, 4)), (f(5), [b(5)], T(1.0)), (f(5), [T([1, 1, 2])], f(3), True), (f(3, 4), [None, T([0])], f(1))],
    "index_select": [(f(5, 4), 0, T([3, 0, 0])), (f(5, 4), -1, T([1])), (f(5), 0, T(2))],
    "index_add": [(f(5, 4), 0, T([3, 0, 0]), f(3, 4)), (f(3, 4), 1, T([1]), f(3, 1), 0.5), (i(4), 0, T([1]), i(1))],
    "index_fill.int_Scalar": [(f(5, 4), 0, T([3, 0]), 0.5), (i(3, 4), -1, T([1]), 7)],
    "gather": [(f(3, 4), 1, i(3, 2, low=0, high=4)), (f(3, 4), 0, i(2, 4, low=0, high=3)), (f(3, 4), 0, i(1, 2, low=0, high=3)), (f(), 0, T(0)), (f(3), 0, T([], dtype=I64))],
    "take_along_dim": [(f(3, 4), i(3, 2, low=0, high=4), 1), (f(3, 4), i(1, 4, low=0, high=3), 0), (f(3, 4), T([1, 5]))],
    "scatter.src": [(f(3, 4), 1, T([[0, 2], [1, 3]]), f(2, 2)), (f(5), 0, T([1, 4]), f(3))],
    "scatter.value": [(f(3, 4), 1, T([[0, 2], [1, 3]]), 0.5), (i(5), 0, T([1, 4]), 3)],
    "scatter_add": [(f(3, 4), 1, T([[0, 0], [1, 3]]), f(2, 2)), (f(5), 0, T([1, 1]), f(3))],
    "scatter_reduce.two": [
        (f(3, 4), 1, T([[0, 0], [1, 3]]), f(2, 2), how, own)
        for how in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)
    ] + [(i(4), 0, T([1, 1, 2]), i(3), how) for how in ("mean", "amax", "sum")],
    "embedding": [(f(5, 3), i(2, 4, low=0, high=5)), (f(5, 3), T(2), 0), (f(5, 3), T([], dtype=I64)), (f(4, 2, dtype=F16), T([1], dtype=I32))],
    "one_hot": [(T([0, 2, 1]),), (T([[0, 2]]), 4), (T(1), 3)],
    "select_scatter": [(f(3, 4), f(4), 0, 1), (f(3, 4), f(3), -1, -1)],
    "slice_scatter": [(f(5, 4), f(2, 4), 0, 1, 3), (f(5, 4), f(5, 2), 1, None, None, 2)],
    "diagonal_scatter": [(f(3, 4), f(3)), (f(3, 4), f(3), 1), (f(2, 3, 3), f(2, 3), 0, 1, 2)],
    "masked_scatter": [(f(3, 4), b(3, 4), f(12)), (f(3, 4), b(4), f(12))],
    # order
    "sort": [(distinct(3, 4),), (distinct(3, 4), 0, True), (SPECIAL[:4],), (SPECIAL[:4], 0, True), (f(),), (i(4), 0)],
    "argsort": [(distinct(3, 4),), (distinct(3, 4), 0, True), (f(),)],
    "topk": [(distinct(3, 4), 2), (distinct(3, 4), 2, 0, False), (distinct(5), 5), (distinct(5), 0)],
    # products
    "matmul": [(f(3, 4), f(4, 5)), (f(4), f(4)), (f(2, 3, 4), f(4)), (f(2, 3, 4), f(4, 5)), (f(2, 1, 3, 4), f(5, 4, 2)), (f(4), f(2, 4, 3)), (f(3, 4, dtype=F16), f(4, 2, dtype=F16)), (i(3, 4), i(4, 2)), (f(0, 4), f(4, 2)), (f(3, 0), f(0, 2))],
    "mm": [(f(3, 4), f(4, 5)), (f(4, 3).T, f(5, 4).T), (f(3, 4, dtype=F64), f(4, 5, dtype=F64))],
    "bmm": [(f(2, 3, 4), f(2, 4, 5)), (f(4, 3, 2).permute(2, 1, 0), f(2, 4, 5)), (f(2, 3, 1).expand(2, 3, 4), f(2, 4, 5))],
    "mv": [(f(3, 4), f(4))],
    "dot": [(f(4), f(4)), (i(4), i(4))],
    "outer": [(f(3), f(4)), (i(3), f(4))],
    "addmm": [(f(5), f(3, 4), f(4, 5)), (f(3, 5), f(3, 4), f(4, 5), 0.5, 2), (torch.full((5,), math.nan), f(3, 4), f(4, 5), 0, 1), (f(5, dtype=F16), f(3, 4, dtype=F16), f(4, 5, dtype=F16))],
    "baddbmm": [(f(2, 3, 5), f(2, 3, 4), f(2, 4, 5)), (f(1, 3, 1), f(2, 3, 4), f(2, 4, 5), 0.5, 2), (torch.full((2, 3, 5), math.nan), f(2, 3, 4), f(2, 4, 5), 0, 1)],
    "linear": [(f(3, 4), f(5, 4), f(5)), (f(2, 3, 4), f(5, 4)), (f(4), f(5, 4), f(5)), (f(3, 4, dtype=F16), f(5, 4, dtype=F16), f(5, dtype=F16)), (f(0, 4), f(5, 4), f(5))],
    "einsum": [("ij,jk->ik", [f(3, 4), f(4, 5)]), ("b i d, b j d -> b i j", [f(2, 3, 4), f(2, 5, 4)]), ("...ij->...ji", [f(2, 3, 4)]), ("bhwc,hkc->bhwk", [f(2, 3, 4, 5), f(3, 6, 5)]), ("ij,jk,kl", [f(2, 3), f(3, 4), f(4, 2)]), ("ii->i", [f(3, 3)]), ("ii", [f(3, 3)]), ("iij,jk,k->i", [f(3, 3, 2), f(2, 4), f(4)])],
    "cdist": [(f(4, 3), f(5, 3)), (f(2, 4, 3), f(2, 5, 3), 1.0), (f(4, 3), f(5, 3), math.inf), (f(4, 3), f(5, 3), 3.0), (f(30, 3), f(28, 3)), (f(4, 3), f(5, 3), 2.0, 1), (f(4, 3), f(5, 3), 0.0), (f(1, 4, 3), f(2, 5, 3))],
    "pairwise_distance": [(f(4, 3), f(4, 3)), (f(4, 3), f(4, 3), 1.0, 1e-6, True), (f(4, 3), f(3), 3.0)],
    "cosine_similarity": [(f(4, 3), f(4, 3)), (f(4, 3), f(1, 3), -1), (f(2, 3, 4), f(3, 4), 0), (torch.zeros(2, 3), f(2, 3))],
    # convolutions
    "conv1d": [(f(2, 3, 8), f(4, 3, 3), f(4)), (f(2, 4, 9), f(6, 2, 3), None, [2], [1], [2], 2), (f(3, 8), f(4, 3, 3)), (f(2, 3, 8), f(4, 3, 1))],
    "conv2d": [(f(2, 3, 7, 6), f(4, 3, 3, 3), f(4)), (f(2, 4, 9, 8), f(6, 2, 3, 2), None, [2, 1], [1, 0], [1, 2], 2), (f(2, 4, 5, 5), f(4, 1, 3, 3), f(4), [1], [1], [1], 4), (f(2, 3, 5, 5), f(4, 3, 1, 1), f(4)), (f(2, 3, 5, 5), f(4, 3, 1, 1), None, [2, 2]), (f(3, 7, 7), f(2, 3, 3, 3)), (f(1, 2, 5, 5, dtype=F64), f(2, 2, 3, 3, dtype=F64)), (f(1, 2, 5, 5, dtype=F16), f(2, 2, 3, 3, dtype=F16), f(2, dtype=F16)), (f(2, 4, 5, 5), f(8, 1, 3, 3), None, [1, 1], [1, 1], [1, 1], 4), (f(0, 3, 7, 6), f(4, 3, 3, 3), f(4))],
    "conv3d": [(f(2, 3, 5, 4, 4), f(4, 3, 3, 2, 2), f(4)), (f(1, 2, 5, 5, 5), f(2, 1, 3, 3, 3), None, [2, 1, 2], [1, 1, 0], [1, 1, 1], 2)],
    "conv1d.padding": [(f(2, 3, 8), f(4, 3, 4), f(4), [1], "same"), (f(2, 3, 8), f(4, 3, 3), None, [2], "valid")],
    "conv2d.padding": [(f(2, 3, 8, 7), f(4, 3, 4, 3), f(4), [1, 1], "same", [2, 1]), (f(2, 3, 8, 8), f(4, 3, 3, 3))],
    "conv3d.padding": [(f(1, 2, 4, 4, 4), f(2, 2, 3, 3, 3), None, [1, 1, 1], "same")],
    "conv_transpose1d": [(f(2, 3, 5), f(3, 4, 3), f(4)), (f(2, 4, 5), f(4, 2, 3), None, [2], [1], [1], 2, [2]), (f(3, 5), f(3, 4, 3))],
    "conv_transpose2d.input": [(f(2, 3, 4, 5), f(3, 4, 3, 3), f(4)), (f(2, 4, 4, 5), f(4, 2, 3, 2), None, [2, 3], [1, 0], [1, 2], 2, [1, 1]), (f(1, 3, 4, 4, dtype=F64), f(3, 2, 2, 2, dtype=F64), None, [2, 2])],
    "conv_transpose3d.input": [(f(1, 2, 3, 3, 3), f(2, 3, 2, 2, 2), f(3), [2, 2, 2])],
    "im2col": [(f(2, 3, 6, 5), [2, 3], [1, 1], [0, 1], [1, 2]), (f(3, 6, 6), [2, 2], [2, 2], [0, 0], [2, 2])],
    "col2im": [(f(2, 12, 12), [4, 5], [2, 2], [1, 1], [0, 0], [1, 1]), (f(1, 12, 9), [5, 5], [2, 2], [2, 2], [0, 0], [1, 1]), (f(2, 8, 15), [4, 6], [2, 2], [1, 1], [1, 0], [2, 1])] ,
    # pooling
    "max_pool1d": [(f(2, 3, 8), [2]), (f(2, 3, 9), [3], [2], [1], [1], True), (f(3, 9), [2], [1], [0], [2])],
    "max_pool2d": [(f(2, 3, 8, 7), [2, 2]), (f(2, 3, 9, 8), [3, 3], [2, 2], [1, 1]), (f(2, 3, 8, 8), [3, 3], [2, 2], [0, 0], [1, 1], True), (f(3, 9, 9), [2, 2], [1, 1], [0, 0], [2, 2]), (f(1, 1, 4, 4, dtype=F16), [2, 2])],
    "max_pool3d": [(f(1, 2, 5, 6, 6), [2, 2, 2]), (f(1, 2, 5, 6, 6), [3, 2, 2], [2, 2, 1], [1, 0, 0])],
    "max_pool2d_with_indices": [(f(2, 3, 8, 7), [2, 2]), (f(2, 3, 9, 8), [3, 3], [2, 2], [1, 1]), (f(2, 3, 8, 8), [3, 3], [2, 2], [0, 0], [1, 1], True)],
    "avg_pool1d": [(f(2, 3, 8), [2]), (f(2, 3, 9), [3], [2], [1], True, False)],
    "avg_pool2d": [(f(2, 3, 8, 7), [2, 2]), (f(2, 3, 9, 8), [3, 3], [2, 2], [1, 1]), (f(2, 3, 8, 8), [3, 3], [2, 2], [1, 1], True), (f(2, 3, 8, 8), [3, 3], [2, 2], [1, 1], True, False), (f(2, 3, 8, 8), [3, 2], [2, 2], [0, 0], False, True, 5), (f(3, 4, 4), [2, 2]), (f(1, 1, 4, 4, dtype=F16), [2, 2])],
    "avg_pool3d": [(f(1, 2, 5, 6, 6), [2, 2, 2]), (f(1, 2, 5, 6, 6), [3, 2, 2], [2, 2, 1], [1, 0, 0], True, False)],
    "adaptive_avg_pool1d": [(f(2, 3, 8), [3]), (f(3, 5), [1])],
    "adaptive_avg_pool2d": [(f(2, 3, 8, 7), [1, 1]), (f(2, 3, 8, 7), [3, 5]), (f(3, 4, 4), [6, 2]), (f(1, 2, 4, 4, dtype=F16), [1, 1])],
    "adaptive_avg_pool3d": [(f(1, 2, 4, 5, 6), [2, 3, 4])],
    "adaptive_max_pool1d": [(f(2, 3, 8), [3])],
    "adaptive_max_pool2d": [(f(2, 3, 8, 7), [1, 1]), (f(2, 3, 8, 7), [3, 5])],
    # norms
    "batch_norm": [
        (f(4, 3, 5, 5), f(3), f(3), f(3), f(3, low=0.1), False, 0.1, 1e-5, True),
        (f(4, 3), None, None, f(3), f(3, low=0.1), False, 0.1, 1e-3, False),
        (f(4, 3, 2, dtype=F16), f(3, dtype=F16), f(3, dtype=F16), f(3, dtype=F16), f(3, dtype=F16, low=0.1), False, 0.1, 1e-5, True),
        (f(4, 3, 5), f(3), f(3), None, None, True, 0.1, 1e-5, True),
    ],
    "instance_norm": [(f(4, 3, 5, 5), f(3), f(3), None, None, True, 0.1, 1e-5, True), (f(4, 3, 5), None, None, None, None, True, 0.1, 1e-5, True), (f(4, 3, 5), f(3), f(3), f(3), f(3, low=0.1), False, 0.1, 1e-5, True)],
    "layer_norm": [(f(3, 4), [4], f(4), f(4)), (f(2, 3, 4), [3, 4]), (f(3, 4, dtype=F16), [4], f(4, dtype=F16)), (f(0, 4), [4])],
    "group_norm": [(f(2, 6, 4, 4), 3, f(6), f(6)), (f(2, 4), 2), (f(2, 6, 5, dtype=F64), 1, f(6, dtype=F64), None, 1e-3)],
    "rms_norm": [(f(3, 4), [4], f(4)), (f(2, 3, 4), [3, 4], None, 1e-5), (f(3, 4, dtype=F64), [4])],
    # attention, recurrent layers
    "scaled_dot_product_attention": [
        (f(2, 3, 5, 4), f(2, 3, 6, 4), f(2, 3, 6, 7)),
        (f(2, 3, 5, 4), f(2, 3, 5, 4), f(2, 3, 5, 4), None, 0.0, True),
        (f(2, 3, 5, 4), f(2, 3, 6, 4), f(2, 3, 6, 4), torch.ones(5, 6).tril().bool()),
        (f(2, 3, 5, 4), f(2, 3, 6, 4), f(2, 3, 6, 4), f(2, 1, 5, 6), 0.0, False, 0.3),
        (f(2, 4, 5, 4), f(2, 2, 6, 4), f(2, 2, 6, 4), None, 0.0, False, None, True),
        (f(5, 4), f(6, 4), f(6, 4)), (f(3, 5, 4, dtype=F64), f(3, 5, 4, dtype=F64), f(3, 5, 4, dtype=F64)),
        (f(1, 2, 5, 4, dtype=F16), f(1, 2, 5, 4, dtype=F16), f(1, 2, 5, 4, dtype=F16)),
        (f(1, 1, 2, 4), f(1, 1, 3, 4), f(1, 1, 3, 4), T([[True, True, False], [False] * 3])),
    ],
    "lstm.input": [*_recurrent(4, 2), _LSTM_PROJECTED],
    "gru.input": _recurrent(3, 1),
    "rnn_tanh.input": _recurrent(1, 1),
    "rnn_relu.input": _recurrent(1, 1),
    # images
    **{
        name: [(f(2, 3, *(5, 4, 3)[:rank]), [7, 9, 4][:rank], None), (f(2, 3, *(5, 4, 3)[:rank]), None, [2.0, 1.5, 2.0][:rank]), (f(2, 3, *(6, 4, 3)[:rank]), [3, 4, 6][:rank], None)]
        for name, rank in (("upsample_nearest1d.vec", 1), ("upsample_nearest2d.vec", 2), ("upsample_nearest3d.vec", 3))
    },
    **{
        name: [
            (f(2, 3, *(5, 4, 3)[:rank]), sizes, corners, factors)
            for sizes, factors in (([7, 9, 4][:rank], None), (None, [2.0, 1.5, 2.0][:rank]), ([3, 4, 1][:rank], None))
            for corners in (False, True)
        ]
        for name, rank in (("upsample_linear1d.vec", 1), ("upsample_bilinear2d.vec", 2), ("upsample_trilinear3d.vec", 3), ("upsample_bicubic2d.vec", 2))
    },
    "grid_sampler": [
        (f(2, 3, 5, 4), f(2, 6, 7, 2, low=-1.5, high=1.5), mode, padding, corners)
        for mode in (0, 1, 2) for padding in (0, 1, 2) for corners in (False, True)
    ] + [(f(1, 2, 3, 4, 5), f(1, 2, 3, 4, 3, low=-1.3, high=1.3), mode, 0, False) for mode in (0, 1)],
    "affine_grid_generator": [(f(2, 2, 3), [2, 3, 4, 5], True), (f(2, 2, 3), [2, 3, 4, 5], False), (f(2, 3, 4), [2, 1, 3, 4, 5], False)],
    "pad": [(f(2, 3, 4), [1, 2]), (f(2, 3, 4), [1, 2, 0, 1], "constant", 0.5), (f(2, 3, 4), [-1, 2]), (f(2, 3, 4), [1, 2], "reflect"), (f(2, 3, 4, 5), [1, 2, 1, 0], "replicate"), (f(2, 3, 4), [1, 2], "circular"), (i(3), [1, 1], "constant", 2.0)],
    "constant_pad_nd": [(f(2, 3), [1, 2]), (f(2, 3), [0, -1, 1, 0], 0.5), (i(3), [1, 1], 7), (b(3), [1, 1], True), (EMPTY, [0, 0, 1, 1])],
    "reflection_pad1d": [(f(2, 3, 4), [1, 2]), (f(3, 4), [3, 0])],
    "reflection_pad2d": [(f(2, 3, 4, 5), [1, 2, 3, 0])],
    "replication_pad1d": [(f(2, 3, 4), [1, 2]), (f(3, 4), [7, 0])],
    "replication_pad2d": [(f(2, 3, 4, 5), [1, 2, 3, 0])],
    # made of numbers
    "arange": [(5,), (5.5,), (0,), (4, D["f32"]), (3, D["i32"])],
    "arange.start": [(2, 5), (1.5, 4.2), (2, 5, D["f64"]), (-3, 3)],
    "arange.start_step": [(2, 9, 3), (9, 2, -3), (0.0, 1.0, 0.1), (5, 0, -1, D["f32"]), (0, 1, 0.25)],
    "linspace": [(0, 1, 5), (-1.0, 1.0, 7, D["f64"]), (3, 1, 1), (0, 1, 0)],
    "eye": [(3,), (2, D["i64"])],
    "eye.m": [(3, 2), (2, 4, D["bool"])],
    "full": [([2, 3], 0.5), ([2], 3), ([2], True), ([], 1.5), ([2], 3, D["f16"]), ([0], 1)],
    "zeros": [([2, 3],), ([], D["i64"]), ([0, 2],)],
    "ones": [([2, 3],), ([2], D["bool"])],
    "full_like": [(f(2, 3), 2), (i(3), 2, D["f32"]), (b(2), True)],
    "zeros_like": [(f(2, 3),), (i(3),), (f(3), D["bool"])],
    "ones_like": [(f(2, 3),), (i(3),), (f(3), D["i32"])],
    "new_full": [(f(2), [3], 2), (i(2), [3, 1], 0.5, D["f32"])],
    "new_zeros": [(f(2, dtype=F16), [3]), (i(2), [3], D["f32"])],
    "new_ones": [(f(2, dtype=F64), [3]), (i(2), [0])],
    "scalar_tensor": [(2,), (2.5,), (True,), (3, D["i64"])],
}  # fmt: skip

# operators of sizes and of tuples are the format's own: what they give is said here
OWN = {
    "size.add": [((2, 3), 5)],
    "size.sub": [((2, 3), -1)],
    "size.mul": [((2, 3), 6)],
    "size.neg": [((2,), -2)],
    "size.floordiv": [((7, 2), 3), ((-7, 2), -4)],
    "size.mod": [((7, 2), 1), ((-7, 2), 1)],
    "size.max": [((2, 3), 3)],
    "size.min": [((2, 3), 2)],
    "sym_size.int": [((f(2, 3), 1), 3), ((f(2, 3), -2), 2)],
    "tuple.get": [(((4, 5), 1), 5)],
}
