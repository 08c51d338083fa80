"""A vision transformer for small images.

Source: Dosovitskiy et al., "An Image is Worth 16x16 Words" (2021), section 3.1 and equations 1-4,
without dropout; the small sizes are those of the PEMN paper's figure 3.
"""

from typing import cast

import torch
from torch import Tensor, nn

from pemn_compress.models.checks import LARGEST_DEPTH, check_divisible, check_integers


class EncoderBlock(nn.Module):
    """Attention and a perceptron, each behind its layer norm and inside a residual."""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_dim), nn.GELU(), nn.Linear(mlp_dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, T, dim) to the same shape."""
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + cast(Tensor, self.mlp(self.norm2(x)))


class VisionTransformer(nn.Module):
    """Patch embedding, class token, learned positions, encoder blocks, head."""

    def __init__(
        self,
        *,
        classes: int,
        channels: int,
        image_size: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        patch: int,
    ) -> None:
        super().__init__()
        tokens = (image_size // patch) ** 2 + 1
        self.embedding = nn.Conv2d(channels, dim, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(nn.init.normal_(torch.empty(1, tokens, dim), std=0.02))
        self.blocks = nn.Sequential(*[EncoderBlock(dim, heads, mlp_dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, channels, image_size, image_size) to logits (N, classes)."""
        tokens = self.embedding(x).flatten(2).transpose(1, 2)
        class_token = self.class_token.expand(tokens.shape[0], -1, -1)
        tokens = torch.cat([class_token, tokens], dim=1) + self.position
        tokens = self.blocks(tokens)
        return cast(Tensor, self.head(self.norm(tokens[:, 0])))


def vit(
    *,
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    dim: int = 256,
    depth: int = 6,
    heads: int = 8,
    mlp_dim: int = 512,
    patch: int = 4,
) -> VisionTransformer:
    """Build a vision transformer of `depth` pre-norm encoder blocks.

    Input (N, channels, image_size, image_size), output (N, classes) logits.
    image_size must be a multiple of `patch`, dim a multiple of `heads`.
    """
    check_integers(
        "vit",
        classes=classes,
        channels=channels,
        image_size=image_size,
        dim=dim,
        heads=heads,
        mlp_dim=mlp_dim,
        patch=patch,
    )
    check_integers("vit", at_most=LARGEST_DEPTH, depth=depth)
    check_divisible("vit", "image_size", image_size, "patch", patch)
    check_divisible("vit", "dim", dim, "heads", heads)
    return VisionTransformer(
        classes=classes,
        channels=channels,
        image_size=image_size,
        dim=dim,
        depth=depth,
        heads=heads,
        mlp_dim=mlp_dim,
        patch=patch,
    )
