"""Advice that takes training to try: what it promises, by whose figures.

Only figures that were read in the papers' own tables, or in notes that quote them, stand here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """``figures`` are what was published, with the source: a sentence without a full stop."""

    title: str
    figures: str


ADVICE = {
    "group-norm": Advice(
        "group norm instead of batch norm, and training again",
        "a ResNet-50 with 2 images per device has 24.1% error with group norm, 34.7% with batch norm; with "
        "32 images 24.1% and 23.6%, so that it costs half a point there (Wu and He, arXiv 1803.08494)",
    ),
    "larger-batches": Advice(
        "training again with more samples for each set of statistics",
        "a ResNet-50 has about 32.5% error with 2 samples, 26.4% with 4, 24.3% with 8 and 23.5% with 16; "
        "more than 32 gain nothing (Wu and Johnson, arXiv 2105.07576, figure 5)",
    ),
    "synchronised-norm": Advice(
        "statistics over all devices (SyncBatchNorm), and training again",
        "Mask R-CNN with 1 image per device has a box AP of 41.7 with synchronised statistics, 30.7 without "
        "(arXiv 2105.07576, table 6)",
    ),
    "frozen-norms-fine-tuning": Advice(
        "freezing the norms' statistics for the last part of training",
        "a ResNet-50 trained with 2 samples a batch has 25.2% error with statistics frozen for the last 20 "
        "of 100 epochs, 32.5% without; with 16 and more samples it is worse by 0.4 to 1.0 points (arXiv "
        "2105.07576, figure 6)",
    ),
    "dropout-behind-norms": Advice(
        "dropout behind the last norm only, and training again",
        "on CIFAR-100 a DenseNet with dropout of 0.5 before its norms has 31.5% error, 27.0% with statistics "
        "recomputed, 22.6% without dropout there, 21.9% with dropout before the softmax only (Li et al., "
        "arXiv 1801.05134, tables 3 and 4)",
    ),
    "shuffled-batches": Advice(
        "training again on shuffled batches",
        "a network trained on batches with a pattern in common has 23% error on such batches and 51% in eval "
        "mode (arXiv 2105.07576, figure 8); no statistics bring back what it learned to lean on",
    ),
    "norm-per-domain-training": Advice(
        "training again with statistics taken over the same inputs as in evaluation",
        "a RetinaNet whose levels share statistics in training and in evaluation has 39.1 AP, with a norm "
        "for each level 39.2; with one in training and the other in evaluation 34.1 and 2.1 (arXiv "
        "2105.07576, table 5)",
    ),
    "full-last-batch": Advice(
        "training with drop_last=True, or a batch size without a small remainder",
        "a variance of n values is off by about the root of 2 / n: 18% for 64 values, 100% for 2",
    ),
}


def find(name: str) -> Advice | None:
    """The advice of that name; None where it is a remedy that can be tried."""
    return ADVICE.get(name)
