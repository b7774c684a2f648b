"""What the reader knows of loaders, datasets, averages and seeds."""

from __future__ import annotations

import pytest

from evalcheck import checks
from evalcheck.finding import Sighting
from evalcheck.source import SourceFile

IMPORTS = (
    "import torch\nimport random\nimport numpy as np\n"
    "from torch.utils.data import DataLoader, Dataset, Subset, random_split\n"
    "from torch.utils.data import DistributedSampler, RandomSampler, SubsetRandomSampler\n"
    "from torchvision import datasets, transforms as T\n"
)


def seen(rule: str, text: str, path: str = "run.py") -> list[Sighting]:
    return list(checks.find("source", rule)(SourceFile.from_text(IMPORTS + text, path), {}))


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("val_loader = DataLoader(val_set, 8, drop_last=True)", ["usual"]),
        ("val_loader = DataLoader(val_set, 8, False, None, None, 0, None, False, True)", ["usual"]),
        ("val_loader = DataLoader(val_set, 8, True)", ["slight"]),
        ("val_loader = DataLoader(val_set, sampler=RandomSampler(val_set))", ["slight"]),
        ("val_loader = DataLoader(val_set, sampler=RandomSampler(val_set, replacement=True))", ["usual"]),
        ("opts = {'drop_last': True}\nval_loader = DataLoader(val_set, 8, **opts)", ["usual"]),
        ("opts = {'drop_last': True}\nopts['x'] = 1\nval_loader = DataLoader(val_set, 8, **opts)", []),
        ("loader = DataLoader(train_set, 8, drop_last=True, shuffle=True)", []),
        ("loader = DataLoader(data, 8, drop_last=True)", []),
        ("val_loader = DataLoader(train_set, 8, drop_last=True)", []),
        ("valid_dl = cycle(DataLoader(valid_set, 8, shuffle=True))", []),
        ("test_loader = DataLoader(images, 8, shuffle=True)\nx = next(iter(test_loader))", []),
        ("val_loader = DataLoader(val_set, 1, drop_last=True)", []),
    ],
)
def test_what_an_evaluation_loader_leaves_out(text: str, strengths: list[str]) -> None:
    """Dropped samples weigh more than a random order, and unknown purposes are left alone."""
    assert [s.strength for s in seen("eval-loader-drops-or-shuffles", text)] == strengths


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("d = P(augment=True)\ntrain_set, val_set = random_split(d, [9, 1])", 1),
        ("d = P(augment=False)\ntrain_set, val_set = random_split(d, [9, 1])", 0),
        ("d = P(augment=split == 'train')\ntrain_set, val_set = random_split(d, [9, 1])", 0),
        ("d = P(augment=True)\ntrain_set, _ = random_split(d, [9, 1])", 0),
        ("d = P(augment=True)\na, b = random_split(d, [9, 1])", 0),
        ("d = P(augment=True)\ntrain_set = Subset(d, a)\nd = P()\nval_set = Subset(d, b)", 0),
        ("d = P()\ntrain_set, val_set = random_split(d, s)\nval_set.dataset.transform = t", 1),
        ("d = P()\ntrain_set, val_set = random_split(d, s)\nval_set.transform = t", 0),
        ("d = P()\ntrain_set, val_set = random_split(d, s)\nval_set.dataset = Q(transform=t)", 0),
        ("d = P(transform=train_transform)\ntrain_set, val_set = random_split(d, [9, 1])", 1),
    ],
)
def test_which_halves_share_their_augmentation(text: str, count: int) -> None:
    """One object, a train half and an evaluation half, and something that draws."""
    assert len(seen("shared-dataset-after-split", text)) == count


LOOP = "def evaluate(model, val_loader):\n    total, values = 0.0, []\n    for x, y in val_loader:\n"


@pytest.mark.parametrize(
    ("body", "end", "count"),
    [
        ("loss = f(model(x), y)\n        total += loss.item()", "total / len(val_loader)", 1),
        ("loss = f(model(x), y)\n        total += loss", "total.item() / len(val_loader)", 1),
        ("total += f(model(x), y).item() / len(val_loader)\n        loss = 0", "total", 0),
        ("loss = f(model(x), y)\n        total += loss.item() / len(val_loader)", "total", 1),
        ("loss = f(model(x), y)\n        total += loss.item() * len(x)", "total / len(val_loader)", 0),
        ("acc = (model(x) == y).sum()\n        total += acc", "total / len(val_loader)", 0),
        ("loss = f(model(x), y)\n        total += loss.item()", "total / len(val_loader.dataset)", 0),
        ("acc = (model(x) == y).float().mean()\n        values.append(acc.item())", "np.mean(values)", 1),
        ("scores = model(x)\n        values.append(scores.sum())", "np.mean(values)", 0),
        (
            "loss = f(model(x), y)\n        loss.backward()\n        total += loss",
            "total / len(val_loader)",
            0,
        ),
        ("loss = f(model(x), y, reduction='sum')\n        total += loss", "total / len(val_loader)", 0),
    ],
)
def test_which_averages_give_the_last_batch_too_much_weight(body: str, end: str, count: int) -> None:
    """Means of batches over the number of batches; sums, weights and training do not count."""
    text = f"{LOOP}        {body}\n    return {end}\n"
    assert len(seen("mean-of-batch-means", text)) == count


def test_a_loader_that_can_be_seen_makes_an_average_certain() -> None:
    """Else it is a note, since its batches may hold one sample each."""
    text = f"{LOOP}        loss = f(model(x), y)\n        total += loss\n    return total / len(val_loader)\n"
    assert [s.strength for s in seen("mean-of-batch-means", text)] == ["slight"]
    known = f"val_loader = DataLoader(data, 8)\n{text}"
    assert [s.strength for s in seen("mean-of-batch-means", known)] == ["usual"]
    for even in ("1", "8, drop_last=True"):
        assert not seen("mean-of-batch-means", f"val_loader = DataLoader(data, {even})\n{text}")


@pytest.mark.parametrize(
    ("body", "end", "count"),
    [
        ("total += F.cross_entropy(model(x), y).item()", "total / len(val_loader)", 1),
        ("total += criterion(model(x), y).item()", "total / len(val_loader)", 1),
        ("total += (model(x).argmax(1) == y).float().mean().item()", "100 * total / len(val_loader)", 1),
        ("total += torch.mean(model(x).eq(y).float())", "total / len(val_loader)", 1),
        ("total += model(x).mean().item()", "total / len(val_loader)", 0),
        ("total += (model(x).argmax(1) == y).sum().item()", "total / len(val_loader)", 0),
        ("total += F.cross_entropy(model(x), y, reduction='sum')", "total / len(val_loader)", 0),
    ],
)
def test_what_is_added_without_a_name_is_read_as_well(body: str, end: str, count: int) -> None:
    """A loss by its function, an accuracy by the comparison in it."""
    text = f"import torch.nn.functional as F\n{LOOP}        {body}\n    return {end}\n"
    assert len(seen("mean-of-batch-means", text)) == count


SUMMED = "criterion = torch.nn.CrossEntropyLoss(reduction='sum')"


@pytest.mark.parametrize(
    ("other", "count"),
    [
        ("def right(x, y):\n    return F.cross_entropy(x, y, reduction='sum') / y.numel()", 1),
        (f"def right(x, y):\n    {SUMMED}\n    return criterion(x, y) / y.numel()", 1),
        (f"def main(model, data):\n    {SUMMED}\n    return evaluate(model, data, criterion)", 0),
        (SUMMED, 0),
        ("def criterion(x, y):\n    return F.cross_entropy(x, y, reduction='sum')", 0),
        ("class Net:\n    def forward(self, x):\n        return F.mse_loss(x, x, reduction='sum')", 0),
    ],
)
def test_another_function_that_sums_is_no_excuse(other: str, count: int) -> None:
    """Unless what it builds, or what has the name of the loss, may be what is called here."""
    text = f"{LOOP}        total += criterion(model(x), y).item()\n    return total / len(val_loader)\n"
    assert len(seen("mean-of-batch-means", f"import torch.nn.functional as F\n{text}{other}\n")) == count


def test_a_loader_of_another_function_is_no_excuse() -> None:
    """Where the function builds its own."""
    text = (
        "def evaluate(model, data):\n    total, val_loader = 0.0, DataLoader(data, 8)\n"
        "    for x, y in val_loader:\n        total += loss(model(x), y).item()\n"
        "    return total / len(val_loader)\n"
        "def show(data):\n    val_loader = DataLoader(data, 1)\n    return next(iter(val_loader))\n"
    )
    assert [s.strength for s in seen("mean-of-batch-means", text)] == ["usual"]


@pytest.mark.parametrize(
    ("made", "used", "count"),
    [
        ("np.random.default_rng(0)", "self.rng.normal()", 1),
        ("np.random.RandomState(0)", "self.rng.rand()", 1),
        ("torch.Generator().manual_seed(0)", "torch.rand(1, generator=self.rng)", 1),
        ("torch.Generator()", "self.rng.manual_seed(i)", 0),
        ("random.Random()", "self.other.random()", 0),
        ("np.random", "self.rng.normal()", 0),
        ("make_rng()", "self.rng.normal()", 0),
    ],
)
def test_which_generators_are_copied_to_workers(made: str, used: str, count: int) -> None:
    """A generator of its own that loading a sample draws from, never the global ones."""
    text = (
        f"class Signals(Dataset):\n    def __init__(self):\n        self.rng = {made}\n\n"
        f"    def __getitem__(self, i):\n        return {used}\n"
    )
    assert len(seen("worker-rng-duplicated", text)) == count


@pytest.mark.parametrize(
    ("pipeline", "count"),
    [
        ("T.Compose([T.RandomCrop(8), T.ToTensor()][1:])", 0),
        ("steps[1:]", 0),
        ("steps[:1]", 1),
        ("T.Compose([*steps])", 1),
        ("table['val']", 0),
        ("table['noisy']", 1),
        ("make(False)", 0),
        ("make()", 1),
        ("make(train=flag)", 0),
        ("Kept.plain", 0),
        ("Kept.flips", 1),
    ],
)
def test_how_far_a_transform_is_followed(pipeline: str, count: int) -> None:
    """Through slices, dicts, small functions and class attributes; never along an open branch."""
    text = (
        "steps = [T.RandomCrop(8), T.ToTensor()]\n"
        "table = {'val': T.ToTensor(), 'noisy': T.RandomCrop(8)}\n"
        "def make(train=True):\n    if train:\n        return T.RandomCrop(8)\n    return T.ToTensor()\n"
        "class Kept:\n    plain = T.ToTensor()\n    flips = T.RandomHorizontalFlip()\n"
        f"test_set = datasets.CIFAR10('data', train=False, transform={pipeline})\n"
    )
    assert len(seen("random-transform-in-eval", text)) == count


def test_a_sampler_that_is_trimmed_or_drops_is_no_padding() -> None:
    """Nor is one of which the purpose is not known."""
    rule = "distributed-eval-padding"
    assert len(seen(rule, "val_sampler = DistributedSampler(val_set)\nall_reduce(total)\n")) == 1
    assert not seen(rule, "val_sampler = DistributedSampler(val_set, drop_last=True)\n")
    assert not seen(rule, "val_sampler = DistributedSampler(val_set)\nout = out[:len(val_set)]\n")
    assert not seen(rule, "sampler = DistributedSampler(data)\n")
    assert not seen(rule, "val_sampler = DistributedSampler(val_set, shuffle=train)\n")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("cudnn.deterministic = True\ncudnn.benchmark = True", 1),
        ("cudnn.deterministic = True\ncudnn.benchmark = False", 0),
        ("cudnn.benchmark = True\ncudnn.deterministic = True\ncudnn.benchmark = False", 0),
        ("if fast:\n    cudnn.benchmark = True\nelse:\n    cudnn.deterministic = True", 0),
        ("cudnn.deterministic = True\nif fast:\n    cudnn.benchmark = True", 0),
        ("if seed:\n    cudnn.deterministic = True\ncudnn.benchmark = True", 1),
        ("torch.use_deterministic_algorithms(True, warn_only=True)\ncudnn.benchmark = True", 0),
    ],
)
def test_when_determinism_contradicts_itself(text: str, count: int) -> None:
    """Only where both run, and nothing takes one of them back."""
    head = "from torch.backends import cudnn\n"
    assert len(seen("nondeterministic-backend", head + text + "\n")) == count


TRAINING = (
    "model = torch.nn.Linear(2, 2)\noptim = torch.optim.SGD(model.parameters(), 0.1)\n"
    "for x in files:\n    model(x).sum().backward()\n    optim.step()\n"
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("torch.manual_seed(0)\nrandom.shuffle(files)\n", 1),
        ("torch.manual_seed(0)\nrandom.seed(0)\nrandom.shuffle(files)\n", 0),
        ("torch.manual_seed(0)\nseed_everything(0)\nrandom.shuffle(files)\n", 0),
        ("seed = random.randint(0, 9)\ntorch.manual_seed(seed)\n", 0),
        ("random.shuffle(files)\n", 0),
        ("w = torch.rand(2)\ntorch.manual_seed(0)\n", 1),
    ],
)
def test_which_generators_a_script_forgets(text: str, count: int) -> None:
    """Only where another one is seeded, and nothing else may do it."""
    assert len(seen("partially-seeded-rng", text + TRAINING)) == count


def test_unit_tests_are_left_alone() -> None:
    """What they load, and how, is their own business."""
    text = "import pytest\nval_loader = DataLoader(val_set, 8, drop_last=True)\n"
    assert not seen("eval-loader-drops-or-shuffles", text)


@pytest.mark.parametrize(
    ("rule", "text", "mended"),
    [
        (
            "eval-loader-drops-or-shuffles",
            "val_loader = DataLoader(v, 8, drop_last=True)\n",
            "drop_last=False",
        ),
        ("train-not-shuffled", "train_loader = DataLoader(d, 8)\n", "DataLoader(d, 8, shuffle=True)"),
        (
            "train-not-shuffled",
            "train_loader = DataLoader(d, shuffle=False)\n",
            "DataLoader(d, shuffle=True)",
        ),
    ],
)
def test_what_the_fixes_write(rule: str, text: str, mended: str) -> None:
    """They are never safe: the order or the length of a loader may be meant."""
    data = "d = datasets.ImageFolder('photos')\n" if rule == "train-not-shuffled" else ""
    loop = "for x, y in train_loader:\n    loss(net(x), y).backward()\n" if data else ""
    (sighting,) = seen(rule, data + text + loop)
    assert sighting.fix is not None
    assert not sighting.fix.safe
    (edit,) = sighting.fix.edits
    line = (IMPORTS + data + text).split("\n")[edit.span.line - 1]
    assert mended in line[: edit.span.column - 1] + edit.text + line[edit.span.end_column - 1 :]


def test_a_loader_of_all_splits_is_not_rewritten() -> None:
    """Training may shuffle."""
    text = "loaders = {x: DataLoader(sets[x], shuffle=True) for x in ['train', 'val']}\n"
    (sighting,) = seen("eval-loader-drops-or-shuffles", text)
    assert sighting.fix is None


CROPS = "class Crops(Dataset):\n    def __init__(self, root, split, {}):\n        self.root = root\n\n"


@pytest.mark.parametrize(
    ("parameter", "made", "count"),
    [
        ("transform=None", "val_set = Crops('x', 'val', tf)", 1),
        ("augmentations=None", "val_set = Crops('x', 'val', tf)", 1),
        ("transform=None", "d = Crops('x', 'val', tf)", 1),
        ("transform=None", "val_set = Crops('x', 'train', tf)", 0),
        ("transform=None", "val_set = Crops('x', split, tf)", 0),
        ("transform=None", "d = Crops('x', 'train', tf)", 0),
        ("transform=None", "val_set = Crops(*where, tf)", 0),
        ("train_transform, transform=None", "val_set = Crops('x', 'val', tf)", 0),
        ("train_transform, transform=None", "val_set = Crops('x', 'val', None, tf)", 1),
        ("transform=None", "val_set = Crops('x', 'val', T.CenterCrop(8))", 0),
    ],
)
def test_what_a_class_takes_by_position(parameter: str, made: str, count: int) -> None:
    """Known by the names of its parameters: the split, and the transform."""
    text = f"{CROPS.format(parameter)}tf = T.Compose([T.RandomCrop(8), T.ToTensor()])\n{made}\n"
    assert len(seen("random-transform-in-eval", text)) == count
