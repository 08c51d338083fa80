"""A small transformer that predicts the next token.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.3:
pre-norm decoder blocks with learned positions, without dropout and with a head of its own.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.models.checks import LARGEST_DEPTH, check_divisible, check_integers


class DecoderBlock(nn.Module):
    """Causal attention and a perceptron, each behind its layer norm and inside a residual."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.projection = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, T, dim) to the same shape."""
        n, t, dim = x.shape
        q, k, v = (
            part.view(n, t, self.heads, dim // self.heads).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(y.transpose(1, 2).reshape(n, t, dim))
        return x + cast(Tensor, self.mlp(self.norm2(x)))


class Decoder(nn.Module):
    """Embeddings of tokens and positions, decoder blocks, norm, head."""

    def __init__(self, *, tokens: int, context: int, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, dim)
        self.position = nn.Parameter(nn.init.normal_(torch.empty(context, dim), std=0.02))
        self.blocks = nn.Sequential(*[DecoderBlock(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, tokens, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, integers (N, T) with T up to `context`, to logits (N, T, tokens)."""
        x = self.embedding(x) + self.position[: x.shape[1]]
        return cast(Tensor, self.head(self.norm(self.blocks(x))))


def gpt(
    *, tokens: int = 256, context: int = 128, dim: int = 128, depth: int = 4, heads: int = 4
) -> Decoder:
    """Build a decoder of `depth` blocks for sequences of up to `context` of `tokens` tokens.

    Input integers (N, T), output (N, T, tokens) logits. dim must be a multiple of `heads`.
    """
    check_integers("gpt", tokens=tokens, context=context, dim=dim, heads=heads)
    check_integers("gpt", at_most=LARGEST_DEPTH, depth=depth)
    check_divisible("gpt", "dim", dim, "heads", heads)
    return Decoder(tokens=tokens, context=context, dim=dim, depth=depth, heads=heads)
