"""Words by which people say what a piece of code is for."""

from __future__ import annotations

import re

from evalcheck.intent import HINTS as HINTS
from evalcheck.intent import complains as complains
from evalcheck.intent import declared_by_name as declared_by_name
from evalcheck.intent import declares as declares
from evalcheck.intent import hints as hints


def each(text: str) -> frozenset[str]:
    """The words of a text as a set: tables of names that can be read."""
    return frozenset(text.split())


_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

# Parts of a name that say evaluation, and parts that take it back.
EVALUATION = each(
    "eval evaluate evaluation evaluating val valid validate validation validating test testing tests "
    "infer inference predict prediction predictions predicting dev holdout heldout"
)
DATA = each(
    "loader loaders data dataset datasets dataloader dataloaders dl iter iterator set sets batches batch gen "
    "generator ds x xs samples images imgs inputs input examples sents files pairs split it features tensor"
)
TRAINING = each("train training trainer fit learn finetune pretrain update")

# Identifiers by which a piece of code is told the mode.
MODE = re.compile(r"train|eval|infer|test|determin|switch|is_val|sampl|dropout_on|enable", re.I)

# Words in names, docstrings and comments of code that may run in train mode on purpose, taken widely: for
# what only warns of a mode. Noise that nothing switches off asks :func:`declares` and :data:`HINTS`.
MEANT = re.compile(
    r"(?:^|[_\W])mc(?:[_\W]|$)|MCD|MCDropout|monte[ _-]?carlo|bayes|uncertain|prenet|pre_net|pre-net|always|"
    r"explor|even (?:at|in|during|when)|at (?:test|inference|eval)|(?:test|inference)[- ]time|stochastic|"
    r"(?:during|in|at) (?:both )?(?:eval|inference|test)|augment|perturb|corrupt|nois[ey]|on purpose|"
    r"intention|deliberate|simcse|ensembl|adversar|diversity",
    re.I,
)

# Words of code that re-estimates or adapts statistics in train mode, as it should.
RE_ESTIMATION = re.compile(
    r"update_bn|bn_update|precise|recalib|calibrat|re_?estimat|adapt|warm_?up|reset_bn|refresh|"
    r"swa|populate|running_stat|bn_stat",
    re.I,
)


def parts(name: str) -> list[str]:
    """The lower-case parts of a name: ``ValLoader2`` and ``val_loader2`` are ``val loader 2``."""
    return [part.lower() for part in _PARTS.findall(name)]


def says_evaluation(name: str) -> bool:
    """Whether a name speaks of evaluation, and not of training too (``train_test_split``)."""
    found = parts(name)
    if found in (["dev"], ["valid"]):  # a device; a mask
        return False
    return any(p in EVALUATION for p in found) and not any(p in TRAINING for p in found)


def says_held_out_data(name: str) -> bool:
    """Whether a name speaks of data to evaluate on, and not of metrics, steps or masks for it."""
    found = [p for p in parts(name) if not p.isdigit()]
    if found == ["dev"]:
        return False
    rest = [p for p in found if p not in EVALUATION]
    return says_evaluation(name) and (not rest or any(p in DATA for p in rest))
