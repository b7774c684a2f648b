"""reader.py put right: attention weights are dropped in training only.

evalcheck examples/reader_mended.py:build_model
"""

import reader
from reader import Reader, eval_loader, train_loader
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["build_model", "eval_loader", "train_loader"]


class Attention(reader.Attention):
    """The same, with a rate that follows the mode."""

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        q, k, v = self.qkv(x).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        rate = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        return self.out(x.transpose(1, 2).reshape(count, length, width))


def build_model() -> nn.Module:
    """The same weights: nothing has to be trained again."""
    model = Reader(attention=Attention)
    model.load_state_dict(reader.build_model().state_dict())
    return model
