"""Errors that look alike are told apart, and the code that is proposed is for the one at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbtrain.explain import explain_exception, explain_text

ARGUMENT = "TypeError: {}.__init__() got an unexpected keyword argument '{}'"


@pytest.mark.parametrize(
    ("text", "pattern", "code"),
    [
        (ARGUMENT.format("Trainer", "gpus"), None, ""),
        (ARGUMENT.format("MyTrainer", "tokenizer"), None, ""),
        (ARGUMENT.format("Trainer", "leaning_rate"), None, ""),
        (ARGUMENT.format("TrainingArguments", "leaning_rate"), None, ""),
        (
            ARGUMENT.format("Seq2SeqTrainer", "tokenizer"),
            "hf-argument-renamed", "processing_class=tokenizer  # in place of tokenizer=tokenizer",
        ),
        (
            ARGUMENT.format("TrainingArguments", "per_gpu_eval_batch_size"),
            "hf-argument-renamed", "per_device_eval_batch_size=8  # in place of per_gpu_eval_batch_size",
        ),
        *(
            (
                f"ImportError: {library}: cannot open shared object file: No such file or directory",
                "shared-library-missing", code,
            )
            for library, code in (
                ("libGL.so.1", "!apt-get install -y libgl1"),
                ("libgthread-2.0.so.0", "!apt-get install -y libglib2.0-0"),
                ("libsndfile.so.1", "!apt-get install -y libsndfile1"),
                ("libgomp.so.1", "!apt-get install -y libgomp1"),
                ("libgomp-a34b3233.so.1", "%pip install --force-reinstall torch"),
                ("libcudnn.so.9", "%pip install --force-reinstall torch"),
                ("libtorch_cuda.so", "%pip install --force-reinstall torch"),
            )
        ),
        (
            "torch.multiprocessing.spawn.ProcessExitedException: process 0 terminated with signal SIGKILL",
            "launched-process-failed", "mp.spawn(main, args=args, nprocs=1)",
        ),
        (
            "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \ntrain.py FAILED",
            "launched-process-failed", "torchrun --nproc_per_node=1 train.py",
        ),
    ],
)  # fmt: skip
def test_a_message_gets_the_code_for_it(text: str, pattern: str | None, code: str) -> None:
    """A message is known by what it names, and the code is for that; a like one of others is unknown."""
    found = explain_text(text)

    assert (found.pattern, found.code) == (pattern, code)


@pytest.mark.parametrize(
    ("cell", "pattern", "code"),
    [
        (
            "logp, y = torch.ones(3, 4), torch.ones(3)\nlogp[torch.arange(len(y)), y]",
            "index-dtype", "y = y.long()",
        ),
        ("table = torch.ones(3)\ntable[torch.ones(2)]", "index-dtype", "table[torch.ones(2).long()]"),
        ("table = torch.ones(3, 4)\ntable[torch.zeros(2).long(), torch.ones(2)]", "index-dtype", ""),
        (
            "next(iter(DataLoader([1, 2], collate_fn=lambda batch: [len(one) for one in batch])))",
            None, "",
        ),
        ("next(iter(DataLoader(Items(lambda index: len(index)))))", None, ""),
        (
            "class Bare(Dataset):\n    pass\n\nrandom_split(Bare(), [1.0])",
            "dataset-without-length", "def __len__(self):\n    return len(self.x)",
        ),
        (
            "net = nn.Sequential(nn.LSTM(4, 8), nn.LSTM(8, 2))\nnet(torch.ones(5, 3, 4))",
            "output-is-tuple", "output, _ = self.lstm(x)",
        ),
        (
            "hidden, other = (torch.ones(2), torch.ones(2)), torch.ones(2)\nargs = (1, 2)\nprint(args, other.shape, hidden.shape)",
            "output-is-tuple", "print(args, other.shape, hidden[0].shape)",
        ),
        (
            "data = TensorDataset(torch.ones(4, 2), torch.ones(4))\ndata[0].shape",
            "output-is-tuple", "data[0][0].shape",
        ),
        ("h = None\nh.detach_()", None, ""),
        (
            "w = torch.ones(3, requires_grad=True)\nw.grad.detach_()",
            "gradient-missing", "if w.grad is not None:\n    w.grad.detach_()",
        ),
        (
            "tags = nn.Module()\ntags.pos_tag = nn.Embedding(17, 4)\nids = torch.arange(18).flip(0)\ntags.pos_tag(ids)",
            "embedding-range", "tags.pos_tag = nn.Embedding(18, 4)",
        ),
        (
            "gpt = nn.Module()\ngpt.wpe = nn.Embedding(3, 4)\ngpt.wpe(torch.arange(5).expand(2, 5))",
            "embedding-range", "input_ids = input_ids[:, :3]",
        ),
        (
            'image = torch.ones(1, 2, 2)\nF.pad(image, (2, 2), mode="reflect")',
            "padding-too-large", 'F.pad(image, (2, 2), mode="replicate")',
        ),
        (
            "F.pad(torch.ones(3), (1, 1, 1, 1))",
            "resize-dimensions", "F.pad(x, (left, right))  # at most two numbers for each dimension of x",
        ),
        (
            'cfg = {"model/width": 2.5}\nnn.Linear(cfg["model/width"], 3)',
            "size-not-whole", "nn.Linear(hidden // 2, 10)  # whole numbers: // in place of /",
        ),
        (
            'cfg = {"model/width": 5}\nnn.Linear(3, (cfg["model/width"] + 1) / 2)',
            "size-not-whole", "nn.Linear(3, (cfg['model/width'] + 1) // 2)",
        ),
        ("mask = torch.tensor([True])\n-mask", "bool-arithmetic", "~mask"),
        ("mask = torch.tensor([True])\nn = 3 * (1.0 - mask)", "bool-arithmetic", "~mask"),
        (
            "pred, mask = torch.ones(1), torch.tensor([True])\nloss = (pred - mask).mean()",
            "bool-arithmetic", "pred - mask.float()",
        ),
        ("a = b = torch.tensor([True])\na - (b + 1 - 2)", "bool-arithmetic", "a.float() - (b + 1 - 2)"),
        ("a = b = torch.tensor([True])\na - b", "bool-arithmetic", "a.float() - b.float()"),
        (
            "scores, labels = torch.ones(3, 4), torch.zeros(4).long()\nscores.gather(0, labels)",
            "gather-sizes", "scores.gather(0, labels.unsqueeze(0)).squeeze(0)",
        ),
        (
            "scores, labels = torch.ones(3, 4), torch.zeros(3).long()\nscores.gather(0, labels)", "gather-sizes",
            "scores.gather(1, labels.unsqueeze(1)).squeeze(1)  # of scores (samples, classes), labels (samples,)",
        ),
        ("torch.ones(2).to('gpu')", "device-unknown", "torch.ones(2).to('cuda')"),
        (
            "device = 'gp' + 'u'\ntorch.ones(2).to(device)",
            "device-unknown", 'device = "cuda" if torch.cuda.is_available() else "cpu"',
        ),
        (
            "pair = (torch.ones(2), 1)\nif not pair:\n    pass\nelif pair.shape[0] > 1:\n    pass",
            "output-is-tuple", "elif pair[0].shape[0] > 1:",
        ),
        (
            "pair = (torch.ones(2), 1)\nfor n in range(pair.shape[0]):\n    pass",
            "output-is-tuple", "for n in range(pair[0].shape[0]):",
        ),
    ],
)  # fmt: skip
def test_an_error_gets_the_code_for_it(
    cell: str, pattern: str | None, code: str, fails: Callable[..., Any]
) -> None:
    """An error is known by what the failing line holds, and the code is for that line."""
    failed = fails(cell)
    found = explain_exception(failed.error, names=failed.names)

    assert (found.pattern, found.code) == (pattern, code)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("<functools._lru_cache_wrapper object at 0x7f0a1c>: it's not the same object as m.f", "functools._lru_cache_wrapper"),
        ("<class '__main__.make.<locals>.Foo'>: it's not found as __main__.make.<locals>.Foo", "__main__.make.<locals>.Foo"),
        ("<function make.<locals>.<lambda> at 0x7f0a1c>: attribute lookup failed", "make.<locals>.<lambda>"),
    ],
)  # fmt: skip
def test_what_cannot_be_pickled_is_named(said: str, named: str) -> None:
    """The whole name is said, with the function that it was made in."""
    found = explain_text(f"_pickle.PicklingError: Can't pickle {said}")

    assert found.pattern == "cannot-pickle" and f"`{named}`" in found.what


def test_an_error_in_a_spawned_process_is_the_one_explained(fails: Callable[..., Any]) -> None:
    """What mp.spawn brings back of a process decides where it is known; else the process is named."""
    raised = (
        "from torch.multiprocessing.spawn import ProcessRaisedException\n"
        "raise ProcessRaisedException('\\n\\n-- Process 1 terminated with the following error:\\n'"
        "'Traceback (most recent call last):\\n  File \"train.py\", line 4, in main\\n    {}\\n{}\\n', 1, 7)"
    )
    known = fails(
        raised.format("f(x)", "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")
    )
    other = fails(raised.format("rows[9]", "KeyError: 9"))

    assert explain_exception(known.error).pattern == "linear-features"
    assert explain_exception(other.error).pattern == "launched-process-failed"
    assert explain_text(known.text).pattern == "linear-features"
