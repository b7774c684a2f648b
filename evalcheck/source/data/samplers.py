"""Samplers for several processes, and what becomes of the samples that they repeat."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.data.loaders import agreed, bound_name, name_of, purpose_of
from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import UNKNOWN, argument, literal, unpacks

_NAMES = ("torch.utils.data.distributed.DistributedSampler", "torch.utils.data.DistributedSampler")
# Somebody thought of it: samples are cut off again, counted, or the user is warned.
_HANDLED = re.compile(
    r"gather_for_metrics|divisible|duplicat|total_size|remainder|dedup|num_samples_per|alter validation|"
    r"extra samples|repeated samples|padd?ed samples|unique_ids|sample_ids|aux_val|val_dataset_aux|"
    r"\[:\s*len\(|\[:\s*self\.num_|\[:\s*num_samples|drop_last_val"
)
_GATHERED = re.compile(
    r"all_reduce|all_gather|reduce_tensor|reduce_dict|synchronize_between_processes|"
    r"(?:dist|distributed|accelerator|comm|fabric)\.gather\(|reduce_mean|sync_dist\s*=\s*True"
)


@dataclass(frozen=True, eq=False)
class Padding:
    """``gathered`` where the file brings the results of the processes together."""

    call: ast.Call
    name: str
    gathered: bool


def padding_samplers(file: SourceFile) -> Iterator[Padding]:
    """The samplers of evaluation data that repeat samples until all processes have equally many."""
    for call in list(file.every_call()):
        if file.resolve(call.func) not in _NAMES or unpacks(call):
            continue
        dropped = argument(call, 5, "drop_last")
        dataset = argument(call, 0, "dataset")
        if dataset is None or (dropped is not None and literal(dropped) is not False):
            continue
        if _purpose(file, call, dataset) != "evaluation" or not _shuffle_agrees(call):
            continue
        if not _HANDLED.search(file.text):
            yield Padding(call, _said(file, call, dataset), bool(_GATHERED.search(file.text)))


def _purpose(file: SourceFile, call: ast.Call, dataset: ast.expr) -> str:
    around = [n.name for n in file.ancestors(call) if isinstance(n, FUNCTIONS)]
    return agreed(bound_name(file, call), name_of(dataset)) or agreed(*around[:1])


def _shuffle_agrees(call: ast.Call) -> bool:
    """Nobody shuffles by a switch for training: who does says that the call serves both."""
    shuffle = argument(call, 3, "shuffle")
    return shuffle is None or literal(shuffle) is not UNKNOWN


def _said(file: SourceFile, call: ast.Call, dataset: ast.expr) -> str:
    name = bound_name(file, call)
    return name_of(dataset) or (name if purpose_of(name) else "")
