"""What the training libraries call things: which dotted path is an optimizer, a schedule, a layer.

Tables only.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import re

ADAM_FAMILY = frozenset(
    "Adam AdamW NAdam RAdam Adamax SparseAdam FusedAdam FusedAdamW DeepSpeedCPUAdam Adam8bit AdamW8bit "
    "PagedAdamW "
    "PagedAdamW8bit PagedAdamW32bit AdamW32bit Adam32bit AdamWScale".split()
)
SGD_FAMILY = frozenset({"SGD", "FusedSGD", "SGD8bit"})
OTHER_OPTIMIZERS = frozenset(
    "Adadelta Adagrad ASGD LBFGS RMSprop Rprop Adafactor Muon Lion Lion8bit LAMB Lamb FusedLAMB LARS "
    "Prodigy DAdaptAdam "
    "AdamWScheduleFree SGDScheduleFree RAdamScheduleFree "
    "Ranger AdaBelief Sophia SophiaG Shampoo SOAP CAME".split()
)
OPTIMIZERS = ADAM_FAMILY | SGD_FAMILY | OTHER_OPTIMIZERS
OPTIMIZER_ROOTS = frozenset(
    "torch transformers bitsandbytes apex deepspeed torch_optimizer timm prodigyopt schedulefree "
    "lion_pytorch "
    "torchao pytorch_optimizer colossalai".split()
)
# Optimizers that clip by themselves (Adafactor clip_threshold=1.0, LAMB max_grad_norm=1.0).
SELF_CLIPPING = frozenset({"Adafactor", "LAMB", "Lamb", "FusedLAMB"})

SCHEDULERS = frozenset(
    "LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR "
    "CosineAnnealingLR "
    "CosineAnnealingWarmRestarts ChainedScheduler "
    "SequentialLR ReduceLROnPlateau CyclicLR OneCycleLR SWALR".split()
)
RECURRENT = frozenset("RNN LSTM GRU RNNCell LSTMCell GRUCell".split())
ATTENTION = frozenset(
    "MultiheadAttention Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer "
    "TransformerDecoderLayer scaled_dot_product_attention multi_head_attention_forward flash_attn_func "
    "flash_attn_varlen_func memory_efficient_attention flex_attention".split()
)
NORMS = frozenset(
    "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d "
    "InstanceNorm3d RMSNorm LocalResponseNorm".split()
)
WEIGHTED = frozenset(
    (
        "Linear Bilinear Conv1d Conv2d Conv3d ConvTranspose1d "
        "ConvTranspose2d ConvTranspose3d LazyLinear LazyConv2d"
    ).split()
)
NOT_LAYERS = frozenset(
    """
    Module Parameter ModuleList ModuleDict ParameterList ParameterDict DataParallel Buffer
    DistributedDataParallel
    """.split()
)
# Libraries that take the training steps themselves, as people call what does it.
OTHER_TRAINERS = {
    "fastai": "fastai's Learner",
    "skorch": "skorch",
    "ignite": "Ignite's engine",
    "keras": "Keras",
    "catalyst": "Catalyst",
    "composer": "Composer",
    "poutyne": "Poutyne",
    "ultralytics": "Ultralytics",
    "pytorch_forecasting": "PyTorch Forecasting",
    "sentence_transformers": "sentence-transformers",
    "setfit": "SetFit",
    "stable_baselines3": "Stable-Baselines3",
    "tianshou": "Tianshou",
}
OTHER_TRAINER_ENDINGS = (
    "Learner", "learner", "NeuralNet", "Classifier", "Regressor", "Trainer", "trainer", "Runner", "Model",
    "YOLO", "PPO", "DQN", "A2C", "SAC",
)  # fmt: skip
HF_ARGUMENTS = frozenset({"TrainingArguments", "Seq2SeqTrainingArguments", "SFTConfig"})
HF_TRAINERS = frozenset({"Trainer", "Seq2SeqTrainer", "SFTTrainer"})
LOSS_FUNCTIONS = frozenset(
    "cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy "
    "binary_cross_entropy_with_logits kl_div ctc_loss cosine_embedding_loss triplet_margin_loss "
    "gaussian_nll_loss "
    "poisson_nll_loss margin_ranking_loss hinge_embedding_loss multi_margin_loss soft_margin_loss".split()
)
# Vision networks from the hub that hold no attention;
# other `from_pretrained` models are taken as transformers.
NOT_TRANSFORMERS = ("resnet", "convnext", "efficientnet", "mobilenet", "regnet", "unet", "vae", "vgg", "timm")
TRANSFORMER_BUILDERS = ("vit_", "swin_", "deit", "beit", "vit-", "maxvit")
# A loop over these is a wrapper of what it iterates.
ITERATION_WRAPPERS = frozenset(
    "enumerate tqdm trange track zip iter islice list progress_bar master_bar auto notebook tqdm_notebook "
    "rich cycle "
    "alive_it prefetch chain".split()
)
# What follows the weights of a network and takes no part in its step.
AVERAGES = re.compile(r"(?:^|[._])ema(?:$|[._])|EMA|Ema(?=[A-Z]|$)|AveragedModel|ExponentialMovingAverage")
# Calls of these packages get objects to look at, not to train.
HARMLESS_ROOTS = frozenset(
    "torch numpy math random os sys time json logging pathlib builtins collections itertools functools "
    "matplotlib "
    "wandb mlflow tensorboard torchinfo torchsummary tqdm copy gc warnings datetime pandas sklearn scipy "
    "PIL torchmetrics "
    "torchvision pickle yaml re string typing dataclasses "
    "inspect contextlib IPython plotly seaborn evaluate".split()
)
HARMLESS_WORDS = (
    "eval",
    "valid",
    "test",
    "save",
    "log",
    "print",
    "plot",
    "count",
    "accuracy",
    "summary",
    "show",
    "load",
    "predict",
    "sample",
    "generate",
    "metric",
    "seed",
    "visual",
    "draw",
    "display",
    "checkpoint",
    "infer",
    "num_param",
)
# Names that people give modules by custom, for cells whose imports stand in another cell.
CUSTOMARY = {
    "torch": "torch",
    "nn": "torch.nn",
    "optim": "torch.optim",
    "F": "torch.nn.functional",
    "np": "numpy",
    "numpy": "numpy",
    "math": "math",
    "pl": "lightning",
    "L": "lightning",
    "lr_scheduler": "torch.optim.lr_scheduler",
    "DataLoader": "torch.utils.data.DataLoader",
    "GradScaler": "torch.cuda.amp.GradScaler",
    "autocast": "torch.autocast",
    "clip_grad_norm_": "torch.nn.utils.clip_grad_norm_",
    "clip_grad_value_": "torch.nn.utils.clip_grad_value_",
    "TrainingArguments": "transformers.TrainingArguments",
    "Accelerator": "accelerate.Accelerator",
    "Seq2SeqTrainingArguments": "transformers.Seq2SeqTrainingArguments",
    "transformers": "transformers",
    "argparse": "argparse",
    "partial": "functools.partial",
    "functools": "functools",
    "tqdm": "tqdm.tqdm",
    "trange": "tqdm.trange",
    "plt": "matplotlib.pyplot",
    "wandb": "wandb",
    "os": "os",
    "time": "time",
    "pd": "pandas",
    "OneCycleLR": "torch.optim.lr_scheduler.OneCycleLR",
    "LambdaLR": "torch.optim.lr_scheduler.LambdaLR",
    "CosineAnnealingLR": "torch.optim.lr_scheduler.CosineAnnealingLR",
    "StepLR": "torch.optim.lr_scheduler.StepLR",
    "AdamW": "torch.optim.AdamW",
    "Adam": "torch.optim.Adam",
    "SGD": "torch.optim.SGD",
    "dataclass": "dataclasses.dataclass",
    "nbtrain": "nbtrain",
    "copy": "copy",
    "random": "random",
    "json": "json",
    "logging": "logging",
}


def tail_of(path: str) -> str:
    return path.rpartition(".")[2]


def root_of(path: str) -> str:
    root = path.partition(".")[0]
    return "lightning" if root in ("pytorch_lightning", "lightning_fabric", "lightning") else root


def category(path: str) -> str:
    """Return what a library path makes: optimizer, scheduler, loader, ...

    Or "" for what the reader does not follow.
    """
    root, tail = root_of(path), tail_of(path)
    if tail in OPTIMIZERS and root in OPTIMIZER_ROOTS and ".optim.swa" not in path:
        return "optimizer"
    for check in (_torch_category, _framework_category):
        if found := check(root, tail, path):
            return found
    return ""


def _torch_category(root: str, tail: str, path: str) -> str:
    if tail in SCHEDULERS and (root in ("torch", "lightning") or "lr_scheduler" in path):
        return "scheduler"
    if (
        (tail.startswith("get_") and "schedule" in tail)
        or tail == "get_scheduler"
        or "create_scheduler" in tail
    ):
        return "scheduler"
    if tail.endswith(("WarmupLR", "WarmupScheduler", "LRScheduler")) or (
        tail.startswith("Warmup") and tail.endswith("LR")
    ):
        return "scheduler"
    if tail == "DataLoader" and (root == "torch" or "torch.utils.data" in path):
        return "loader"
    if tail in ("DataLoader", "NeighborLoader", "StatefulDataLoader"):
        return "other-loader"
    if tail == "GradScaler" or tail == "ShardedGradScaler":
        return "scaler"
    if tail == "autocast" or path.endswith("autocast_mode.autocast"):
        return "autocast"
    if root == "torch" and tail in RECURRENT:
        return "recurrent"
    if tail in ATTENTION and root in ("torch", "flash_attn", "xformers"):
        return "attention"
    if root == "torch" and tail in NORMS:
        return "norm"
    if root == "torch" and tail in WEIGHTED:
        return "weighted"
    if root == "torch" and tail.endswith("Loss"):
        return "loss"
    if tail in LOSS_FUNCTIONS and root == "torch":
        return "loss-value"
    if root == "torch" and tail == "ModuleList":
        return "module-list"
    if root == "torch" and (".nn." in path and ".functional" not in path) and tail[:1].isupper():
        return "" if tail in NOT_LAYERS or ".utils" in path else "module"
    if root == "torch" and "utils.data" in path and tail[:1].isupper():
        return "sampler" if tail.endswith("Sampler") else "dataset"
    return ""


def _framework_category(root: str, tail: str, path: str) -> str:
    if tail in HF_ARGUMENTS and root in ("transformers", "trl"):
        return "hf-arguments"
    if tail in HF_TRAINERS and root in ("transformers", "trl"):
        return "hf-trainer"
    if tail == "Trainer" and root == "lightning":
        return "lightning-trainer"
    if tail == "Accelerator" and root == "accelerate":
        return "accelerator"
    if tail == "Fabric" and root == "lightning":
        return "fabric"
    if tail in ("from_pretrained", "from_config") or (root == "timm" and tail == "create_model"):
        return "pretrained"
    if tail in (
        "DistributedDataParallel",
        "FullyShardedDataParallel",
        "DistributedSampler",
        "init_process_group",
        "fully_shard",
    ):
        return "distributed"
    if root == "deepspeed" and tail == "initialize":
        return "engine"
    if root in ("gym", "gymnasium") and tail in ("make", "make_vec"):
        return "environment"
    if root in OTHER_TRAINERS and tail.endswith(OTHER_TRAINER_ENDINGS):
        return "other-trainer"
    if root == "torchvision" and ".models" in path:
        return "torchvision-model"
    return (
        "transformer-model"
        if root == "transformers" and tail.endswith(("Model", "LMHeadModel", "Classification", "LM"))
        else ""
    )
