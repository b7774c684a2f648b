"""The tools, each used as its documentation says, on the loader that a user has.

fvcore's leaves the modes to its user, who has to put "the layers that needs precise-BN" into train mode.
The frameworks that call it do so with the whole model, which leaves dropout on; with the norms alone it is
off. Both are measured.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

import evalcheck
from evalcheck.recalibration import sizing
from recalibration_situations.case import BATCH, Case

try:
    from fvcore.nn.precise_bn import update_bn_stats
except ImportError:
    update_bn_stats = None

Tool = Callable[[nn.Module, Case], object]
OURS, IN_PARTS = "evalcheck", "by 128"
INSTALL = "fvcore is missing, its columns are left out; install it with: python -m pip install fvcore"


def by_torch(model: nn.Module, case: Case) -> None:
    update_bn(case.feed, model)


def by_fvcore(model: nn.Module, case: Case) -> None:
    """As in a training loop: the model in train mode before, in eval mode afterwards."""
    model.train()
    update_bn_stats(model, case.inputs(case.feed), num_iters=len(case.feed))
    model.eval()


def by_fvcore_norms(model: nn.Module, case: Case) -> None:
    """The norms alone in train mode, of these the ones that the model's own train mode wakes."""
    model.train()
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training]
    model.eval()
    for norm in norms:
        norm.train()
    update_bn_stats(model, case.inputs(case.feed), num_iters=len(case.feed))
    for norm in norms:
        norm.eval()


def by_evalcheck(model: nn.Module, case: Case) -> object:
    return evalcheck.recalibrate(model, case.feed)


def by_evalcheck_in_parts(model: nn.Module, case: Case) -> object:
    """As where memory holds no more than 128 of these images: else they all run at once."""
    with patch.object(sizing, "GREATEST", BATCH):
        return evalcheck.recalibrate(model, case.feed)


def tools() -> dict[str, Tool]:
    """By the name that heads their column; evalcheck's are the last."""
    found: dict[str, Tool] = {"update_bn": by_torch}
    if update_bn_stats is not None:
        found |= {"fvcore": by_fvcore, "fvcore, norms": by_fvcore_norms}
    return found | {OURS: by_evalcheck, IN_PARTS: by_evalcheck_in_parts}
