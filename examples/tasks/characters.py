"""Characters: pemn compress examples/tasks/characters.py --data chars:README.md --context 64"""

from torch import nn


class Characters(nn.Module):
    """Predicts the next of up to `tokens` characters with a recurrent layer."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, tokens)

    def forward(self, x):
        """Map characters (N, T) to logits (N, T, tokens)."""
        return self.head(self.recurrent(self.embedding(x))[0])


def build_model(tokens: int = 256, width: int = 128) -> nn.Module:
    return Characters(tokens, width)
