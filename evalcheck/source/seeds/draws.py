"""Calls that draw random numbers, and anything that may seed them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.file import SourceFile
from evalcheck.source.layers import keeps_something
from evalcheck.source.values import keyword, literal
from evalcheck.source.words import each

# Any of these words means that somebody thought of the seed; which one it sets is another rule's question.
_SEEDING = re.compile(
    r"seed|random_state|rng|torch\.Generator|determinis|reproduc|TrainingArguments|hydra", re.I
)
# Functions of the project's own that set the scene, and may seed.
_SETTING_UP = re.compile(
    r"setup|set_up|init|prepare|config|launch|environment|distributed|parse|options|build", re.I
)
TORCH_DRAW = re.compile(
    r"^torch\.(?:rand|randn|randint|randperm|normal|bernoulli|multinomial|rand_like|randn_like|randint_like)$"
)
GLOBAL_DRAW = re.compile(
    r"^(?:random|numpy\.random)\.(?:random|rand|randn|randint|shuffle|permutation|choice|choices|sample|"
    r"uniform|normal|gauss|randrange)$"
)
_KNOWN = each(
    "torch torchvision torchaudio torchtext numpy random os sys time math argparse pathlib json logging tqdm "
    "matplotlib pandas sklearn scipy PIL cv2 collections itertools functools copy wandb tensorboardX "
    "transformers datasets timm albumentations einops h5py pickle typing datetime yaml glob shutil "
    "warnings seaborn"
)


def may_be_seeded(file: SourceFile) -> bool:
    """Whether anything in the file seeds, or calls what could."""
    if _SEEDING.search(file.text):
        return True
    for call in file.every_call():
        name = file.resolve(call.func)
        if name and name.split(".")[0] not in _KNOWN and _SETTING_UP.search(name.rpartition(".")[2]):
            return True
    return False


def draws(file: SourceFile) -> Iterator[tuple[ast.Call, str]]:
    """What draws, the plainest first, with what it does in words."""
    for call in file.every_call():
        name = file.resolve(call.func) or ""
        if name.endswith("DataLoader") and literal(keyword(call, "shuffle")) is True:
            yield call, "the loader shuffles"
        elif name == "torch.utils.data.random_split":
            yield call, "the data are split at random"
    for call in file.every_call():
        name = file.resolve(call.func) or ""
        if (TORCH_DRAW.match(name) or GLOBAL_DRAW.match(name)) and file.class_of(call) is None:
            yield call, "random numbers are drawn"
    for call in file.every_call():
        info = file.function_of(call)
        outside = info is None or info.owner is None
        if outside and keeps_something(file, call):
            yield call, "the weights are initialised"
