"""What calls do to modes: torch's own methods and functions, by name."""

from __future__ import annotations

import re

from evalcheck.source.words import each

# Methods that give back the object that they are called on.
SAME = each(
    "to cuda cpu half float double bfloat16 type requires_grad_ share_memory to_empty xpu mps ipu hpu npu "
    "eval train apply"
)
# Methods of modules and of common objects that leave the mode alone; what they give is a part of it.
HARMLESS = each(
    "parameters named_parameters buffers named_buffers modules named_modules children named_children "
    "state_dict load_state_dict zero_grad register_buffer register_parameter register_module add_module "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook get_parameter get_submodule "
    "append extend insert items keys values get pop step item size numel format join update add compile "
    "extra_repr count_parameters num_parameters get_input_embeddings resize_token_embeddings no_sync "
    "save_pretrained push_to_hub save_weights set_postfix set_description set_epoch close write flush "
    "log info debug warning error add_scalar add_scalars add_image add_figure init_weights reset_parameters "
    "gradient_checkpointing_enable print_trainable_parameters named_steps device dtype split strip "
    "startswith endswith replace lower upper shape view reshape tolist numpy detach clone mean sum "
    "argmax squeeze long max min softmax unsqueeze permute flatten count index "
    "copy sort setdefault set_grad_enabled dim eq"
)
# Names of others' functions and methods that keep or show something and leave it as it is.
KEEPS = re.compile(
    r"^_?(?:save|log|print|write|dump|report|clip|count|watch|summary|wandb|tensorboard|tb_|record|store)(?:_|$)|"
    r"^_?(?:move\w*_to_device|to_device|move_to|num_params|get_lr|set_lr|adjust_learning_rate|zero_grad|"
    r"count_parameters|get_parameter_number|weight_reset|init_weights|load_weights|get_optimizer|"
    r"create_optimizer|make_optimizer|build_optimizer|configure_optimizers?|set_seed|seed_everything)$"
)
# Names of attributes of one's own classes that are called and do not know the models beside them.
MEASURES = re.compile(
    r"loss|criterion|metric|optim|sched|transform|token|writer|augment|collate|progress", re.I
)
# Methods that run a model.
RUNS = each("forward predict inference infer encode decode embed extract_features generate")
# Wrappers that are the model they wrap, as far as the mode goes.
WRAPPERS = re.compile(
    r"(?:^|\.)(?:DataParallel|DistributedDataParallel|DDP|DP|FullyShardedDataParallel|FSDP|fully_shard|"
    r"convert_sync_batchnorm|unwrap_model|de_parallel|parallelize|ShardedDataParallel|OptimizedModule)$|"
    r"^torch\.compile$|^tqdm(?:\.|$)|\.(?:tqdm|trange)$"
)
# Calls that give back what they are given, one by one.
PREPARES = each("prepare prepare_model setup setup_module initialize")
# Functions of others that look at an object and leave it alone.
LOOKING = re.compile(
    r"^(?:torch\.(?!jit|load|hub|quantization|ao|export|fx|onnx|optim\.swa_utils)|torchmetrics|sklearn|scipy|"
    r"tqdm|wandb|numpy|pandas|math|os|logging|matplotlib|time|json|sys|torchsummary|torchinfo|random|pickle|"
    r"itertools|collections|functools|pathlib|torchvision\.(?:transforms|datasets|utils)|datasets|warnings|"
    r"argparse|gc|psutil|shutil|re|datetime|thop|fvcore|ptflops|mlflow|neptune|comet_ml|PIL|cv2|yaml|"
    r"transformers\.(?:get_\w+_schedule|AdamW|Auto(?:Tokenizer|Processor|Config)|set_seed)|timm\.(?:utils|optim|"
    r"scheduler|data))(?:\.|$|\w)"
)
BUILTINS = each(
    "print len isinstance issubclass type hasattr id str repr sum max min enumerate zip range sorted list "
    "tuple dict set float int bool next iter abs round any all map filter vars dir open callable super "
    "reversed getattr setattr delattr frozenset bytes divmod pow hash format input object Exception"
)
# Decorators that leave what a function does as it is written.
PLAIN_DECORATORS = re.compile(
    r"^(?:torch\.(?:no_grad|inference_mode|enable_grad|compile|compiler\.\w+|jit\.\w+|_dynamo\.\w+|"
    r"cuda\.amp\.autocast|autocast|profiler\.\w+)|staticmethod|classmethod|property|functools\.\w+|typing\.\w+|"
    r"typing_extensions\.\w+|abc\.\w+|click\.\w+(?:\.\w+)*|hydra\.main|\w*\.?record|beartype\.\w+|dataclasses\.\w+)$"
)
MANAGERS = re.compile(r"^contextlib\.(?:async)?contextmanager$")
# Decorators and context managers without gradients.
NO_GRAD = re.compile(r"^torch\.(?:no_grad|inference_mode|autograd\.no_grad|autograd\.grad_mode\.\w+)$")
# Exports, which keep the mode of the moment, and fusions, which need eval mode.
EXPORTS = re.compile(
    r"^torch\.(?:jit\.(?:trace|trace_module|script)|export\.export|onnx\.(?:export|dynamo_export))$"
)
FUSIONS = re.compile(
    r"^torch\.(?:(?:ao\.)?quantization\.(?:fuse_modules\.)?fuse_modules|nn\.utils\.(?:fusion\.)?fuse_conv_bn_eval|"
    r"nn\.utils\.(?:fusion\.)?fuse_linear_bn_eval|(?:ao\.)?quantization\.quantize_fx\.fuse_fx|"
    r"fx\.experimental\.optimization\.fuse)$"
)
