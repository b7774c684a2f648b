"""What a module is to the rules: a batch norm, another norm, a dropout, or none of these."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

Kind = Literal["batchnorm", "instancenorm", "othernorm", "dropout", "other"]

_OTHER_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.CrossMapLRN2d, nn.RMSNorm)


def kind_of(module: nn.Module) -> Kind:
    """The kind of a module, by its class; by the name of the class for the norms of libraries.

    A home-made norm must be a leaf: a block named ``PreNorm`` that wraps a layer is no norm.
    """
    if isinstance(module, _BatchNorm):
        return "batchnorm"
    if isinstance(module, _InstanceNorm):
        return "instancenorm"
    if isinstance(module, _OTHER_NORMS):
        return "othernorm"
    if isinstance(module, _DropoutNd):
        return "dropout"
    name = type(module).__name__.lower()
    leaf = next(module.children(), None) is None
    if leaf and "norm" in name:
        return "othernorm"
    if leaf and name.endswith("dropout") and isinstance(getattr(module, "p", None), float):
        return "dropout"
    return "other"
