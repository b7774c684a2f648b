"""What calls do to modes: torch's own methods and functions, by name."""

from __future__ import annotations

import re

from evalcheck.source.words import each

# Methods that give back the object that they are called on.
SAME = each(
    "to cuda cpu half float double bfloat16 type requires_grad_ share_memory to_empty xpu mps eval train"
)
# Methods of modules and of common objects that leave the mode alone; what they give is a part of it.
HARMLESS = each(
    "parameters named_parameters buffers named_buffers modules named_modules children named_children "
    "state_dict load_state_dict zero_grad register_buffer register_forward_hook register_full_backward_hook "
    "get_parameter get_submodule append items keys values get step backward item size numel format join "
    "update add compile extra_repr count_parameters num_parameters get_input_embeddings no_sync"
)
# Methods that run a model.
RUNS = frozenset(
    ("forward", "predict", "inference", "infer", "encode", "decode", "embed", "extract_features")
)
# Wrappers that are the model they wrap, as far as the mode goes.
WRAPPERS = re.compile(
    r"(?:^|\.)(?:DataParallel|DistributedDataParallel|DDP|FullyShardedDataParallel|FSDP|compile|"
    r"convert_sync_batchnorm)$"
)
# Functions of others that look at an object and leave it alone.
LOOKING = re.compile(
    r"^(?:torch\.(?!jit|load|hub|quantization|ao|export|fx|onnx|optim\.swa_utils)|tqdm|wandb|numpy|math|os|"
    r"logging|matplotlib|time|json|sys|torchsummary|torchinfo|random|pickle|itertools|collections|functools|pathlib)"
)
BUILTINS = each(
    "print len isinstance type hasattr id str repr sum max min enumerate zip range sorted list tuple "
    "dict set float int bool next iter abs round any all map filter vars dir open callable super reversed"
)
# Decorators that leave what a function does as it is written.
PLAIN_DECORATORS = re.compile(
    r"^(?:torch\.(?:no_grad|inference_mode|enable_grad)|staticmethod|classmethod|functools\.wraps)$"
)
# Decorators and context managers without gradients.
NO_GRAD = re.compile(r"^torch\.(?:no_grad|inference_mode|autograd\.no_grad|autograd\.grad_mode\.no_grad)$")
