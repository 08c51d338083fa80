"""Scaled dot-product attention."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, wide
from pemn_compress.running.kernels.products import product

Function = Callable[..., Any]

_SCORE_BYTES = 1 << 26  # of scores at a time


def attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if dropout_p:
        raise ValueError("dropout is not part of an evaluating graph: expected dropout_p = 0")
    if is_causal and attn_mask is not None:
        raise ValueError("expected a mask or is_causal, got both")
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    q, k, v = wide(query), wide(key), wide(value)
    if enable_gqa:
        shared = q.shape[-3] // k.shape[-3]
        k, v = np.repeat(k, shared, -3), np.repeat(v, shared, -3)
    ahead = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    mask = attn_mask
    if is_causal:
        mask = np.tri(q.shape[-2], k.shape[-2], dtype=np.bool_)
    if not ahead:
        return as_type(_attended(q * q.dtype.type(factor), k, v, mask), query.dtype)
    q, k, v = (np.broadcast_to(one, (*ahead, *one.shape[-2:])) for one in (q, k, v))
    if mask is not None:
        mask = np.broadcast_to(mask, (*ahead, q.shape[-2], k.shape[-2]))
    result = np.empty((*ahead, q.shape[-2], v.shape[-1]), q.dtype)
    each = q.itemsize * q.shape[-2] * k.shape[-2] * math.prod(ahead[1:])
    step = max(1, _SCORE_BYTES // max(each, 1))
    for start in range(0, ahead[0], step):
        cut = slice(start, start + step)
        part = None if mask is None else mask[cut]
        result[cut] = _attended(q[cut] * q.dtype.type(factor), k[cut], v[cut], part)
    return as_type(result, query.dtype)


def _attended(q: Array, k: Array, v: Array, mask: Array | None) -> Array:
    scores = product(q, np.swapaxes(k, -1, -2))
    if mask is not None and mask.dtype.kind == "b":
        np.copyto(scores, -np.inf, where=~mask)
    elif mask is not None:
        scores = scores + wide(mask)
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    scores -= np.where(top == -np.inf, 0, top)  # a row that sees nothing gets zeros, no NaN
    np.exp(scores, out=scores)
    total = scores.sum(-1, keepdims=True)
    return product(scores, v) / np.where(total == 0, 1, total).astype(scores.dtype)


KERNELS: dict[str, Function] = {"scaled_dot_product_attention": attention}
