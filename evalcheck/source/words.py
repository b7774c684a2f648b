"""Words by which people say what a piece of code is for."""

from __future__ import annotations

import re


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

# Parts of a name that declare noise in evaluation: no other reading is likely.
_DECLARING_NAME = re.compile(
    r"(?:^|_)mc(?:_|$|drop)|(?-i:(?<![A-Z])MCD)|monte_?carlo|bayes|uncertain|pre[_-]?net(?!work)|simcse|"
    r"always_?(?:on|active|drop)|on_purpose",
    re.I,
)
# Of people's sentences, those that name what is done or that it is meant ...
_PURPOSE = re.compile(
    r"monte[ _-]?carlo|\bmc[ _-]?(?:drop|sampl)|(?-i:\bMCD?\b)|simcse|uncertain|\bpre[ _-]?net\b|"
    r"bayes\w*[ _-](?:\w+[ _-])?(?:dropout|neural|net|layer|model|approximat|infer)|"
    r"on purpose|by design|\bintentional|\bdeliberate",
    re.I,
)
# ... and those that say how it behaves, which a complaint says too.
_STATE = re.compile(
    r"\balways (?:be )?(?:on\b|active|appl|enabled|drop|nois|random|stochastic)|dropout (?:is )?always\b|"
    r"\b(?:even|also) (?:at|in|during|when|under|while) (?:\w+ ){0,2}(?:test|infer|eval|predict)|"
    r"\bboth (?:\w+ ){0,2}train\w* and (?:\w+ ){0,2}(?:test|infer|eval|predict)|\bin both modes",
    re.I,
)
_COMPLAINT = re.compile(
    r"\b(?:todo|fixme|xxx|hack|bugs?|buggy|wrong(?:ly)?|broken|mistake|incorrect)\b", re.I
)
_STAYS = r"(?! (?:be|stay|remain|keep) (?:always )?(?:on|active|applied|enabled)\b)"
_DENIAL = re.compile(
    rf"\b(?:no|not|never|off|still|without|cannot|nothing|\w+n't|(?:must|should){_STAYS})(?![\w-])", re.I
)
# Words that only make it likelier that noise is meant.
HINTS = re.compile(
    r"nois[ey]|augment|ensembl|explor|adversar|stochastic|diversity|perturb|corrupt|non[ _-]?determin",
    re.I,
)
_HINTS_BESIDE = re.compile(rf"{HINTS.pattern}|\balways\b|\b(?:at|in|during) (?:test|infer|eval)", re.I)

# Words of code that re-estimates or adapts statistics in train mode, as it should.
RE_ESTIMATION = re.compile(
    r"update_bn|bn_update|precise|recalib|calibrat|re_?estimat|adapt|warm_?up|reset_bn|refresh|"
    r"swa|populate|running_stat|bn_stat",
    re.I,
)


def parts(name: str) -> list[str]:
    """The lower-case parts of a name: ``ValLoader2`` and ``val_loader2`` are ``val loader 2``."""
    return [part.lower() for part in _PARTS.findall(name)]


def declares(text: str) -> bool:
    """Whether a comment or a sentence says that noise in evaluation is meant, and neither denies nor rues it.

    "On purpose not gated" declares it; "not on purpose" and "always on, should be off" do not.
    """
    if complains(text):
        return False
    if _STATE.search(text) and not _DENIAL.search(text):
        return True
    return any(not _DENIAL.search(text[: found.start()]) for found in _PURPOSE.finditer(text))


def declared_by_name(name: str) -> bool:
    """Whether a name says so: ``MCDropout``, ``BayesianHead``, ``Prenet``."""
    return _DECLARING_NAME.search(name) is not None


def hints(comment: str) -> bool:
    """Whether a comment makes it likelier that noise is meant."""
    return _HINTS_BESIDE.search(comment) is not None and not (complains(comment) or _DENIAL.search(comment))


def complains(text: str) -> bool:
    """Whether somebody speaks of a fault that is known."""
    return _COMPLAINT.search(text) is not None


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
