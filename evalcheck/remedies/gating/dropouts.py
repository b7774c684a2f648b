"""Functional dropouts, told that nothing is being trained."""

from __future__ import annotations

from typing import Any

from evalcheck.remedies.gating.arguments import Args, Kwargs, given, replaced

# torch.nn.functional's take (input, p, training), torch's own (input, p, train). Off by default are two.
OFF = frozenset(("alpha_dropout", "feature_alpha_dropout"))
NAMES = OFF | {
    *(
        "dropout",
        "dropout_",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "native_dropout",
        "native_dropout.default",
    ),
    *("alpha_dropout_", "feature_alpha_dropout_", "feature_dropout", "feature_dropout_"),
}
PLACE = 2


def gated(func: Any, name: str, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """The arguments that eval mode would give; None where nothing would be dropped anyway."""
    keyword = "training" if getattr(func, "__module__", "") == "torch.nn.functional" else "train"
    training = given(args, kwargs, PLACE, keyword, name not in OFF)
    if not training or given(args, kwargs, 1, "p", 0.5) == 0:
        return None
    return replaced(args, kwargs, PLACE, keyword, False)
