"""Frameworks that run the loops of training and evaluation, and set the modes themselves."""

from __future__ import annotations

from collections.abc import Iterable

from evalcheck.source.words import each

# Packages, by their first name: what inherits from them is run by them.
PACKAGES = each(
    "lightning pytorch_lightning lightning_fabric flash pl_bolts fastai skorch ignite catalyst composer "
    "keras tensorflow tensorflow_addons flax haiku paddle chainer mxnet mindspore determined poptorch "
    "poutyne torchbearer torchtnt pytorch_accelerated super_gradients trl setfit colossalai"
)
# Parts of packages that are more than that.
PARTS = (
    "transformers.Trainer",
    "transformers.Seq2SeqTrainer",
    "transformers.trainer",
    "sentence_transformers.SentenceTransformer",
    "sentence_transformers.SentenceTransformerTrainer",
    "monai.engines",
    "monai.handlers",
    "mmengine.runner",
    "mmcv.runner",
    "detectron2.engine",
    "allennlp.training",
    "fairseq.tasks",
    "fairseq.trainer",
    "nemo.core.classes.ModelPT",
    "avalanche.training",
    "torch_geometric.graphgym",
    "ultralytics.engine",
    "dgl.distributed",
)
# Bases by the last part of their name, wherever they are defined.
TAILS = ("LightningModule", "LightningLite", "Fabric")


def sets_modes(dotted: str, own: Iterable[str] = ()) -> bool:
    """Whether what has this dotted name belongs to such a framework; ``own`` are more of them."""
    if dotted.lstrip(".").split(".")[0] in PACKAGES or dotted.endswith(TAILS):
        return True
    return any(dotted == name or dotted.startswith(f"{name}.") for name in (*PARTS, *own))


def is_engine(path: str) -> bool:
    """Whether a file is itself such a part: what it does with modes is its own trade."""
    place = "/" + path.replace("\\", "/").removesuffix(".py") + "/"
    return any(f"/{name.replace('.', '/')}/" in place for name in PARTS)
