"""Words by which people say that noise in evaluation is meant: in names, comments and docstrings."""

from __future__ import annotations

import re

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
# Classes and functions that draw because that is what they are for.
SAMPLERS = re.compile(
    r"sampl|generat|gan(?:$|_)|GAN|diffus|vae|variational|latent|flow|policy|actor|agent|search|darts|nas(?:_|$)|"
    r"supernet|gumbel|random|augment|transform|mask|mix|style|vocod|simulat|bayes|distribution|router|gating|moe|"
    r"walk|graphcl|contrast|pretrain|attack",
    re.I,
)


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
