"""Code that raises each error for real on a CPU: pattern id -> cells; each cell raises the error once."""

from __future__ import annotations

BEFORE = """
import copy, io, os
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, random_split
from torch.nn.utils.rnn import pack_padded_sequence

class Items(Dataset):
    def __init__(self, item, n=4):
        self.item, self.n = item, n
    def __len__(self):
        return self.n
    def __getitem__(self, index):
        return self.item(index)

def saved(what):
    torch.save(what, buffer := io.BytesIO())
    return buffer.getvalue()

torch.manual_seed(0)
linear = nn.Linear(2, 2)
optimizer = torch.optim.SGD(linear.parameters(), lr=0.1)
"""

RAISED: dict[str, tuple[str, ...]] = {
    "linear-features": (
        "nn.Linear(784, 10)(torch.randn(32, 100))",
        "model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(2704, 10))\nmodel(torch.randn(8, 1, 28, 28))",
        "nn.Linear(784, 10)(torch.randn(100))",
        "compiled = torch.compile(nn.Linear(5, 3), backend='eager')\ncompiled(torch.randn(2, 4))",
    ),
    "matmul-sizes": (
        "a, b = torch.randn(2, 3, 4), torch.randn(2, 5, 4)\na @ b",
        "torch.dot(torch.randn(3), torch.randn(4))",
    ),
    "conv-channels": (
        "nn.Conv2d(3, 16, 3)(torch.randn(8, 1, 28, 28))",
        "nn.ConvTranspose2d(3, 16, 3)(torch.randn(8, 1, 28, 28))",
    ),
    "conv-rank": (
        "nn.Conv2d(1, 16, 3)(torch.randn(784))",
        "nn.Conv1d(3, 16, 3)(torch.randn(2, 3, 4, 5))",
        "nn.MaxPool2d(2)(torch.randn(8, 3))",
    ),
    "kernel-larger-than-input": (
        "nn.Conv2d(3, 16, 5)(torch.randn(8, 3, 2, 2))",
        "nn.MaxPool2d(2)(torch.randn(8, 3, 1, 1))",
    ),
    "broadcasting": (
        "a, b = torch.randn(3, 4), torch.randn(3, 5)\na + b",
        "F.mse_loss(torch.randn(8, 3), torch.randn(8, 4))",
    ),
    "broadcast-output": ("image = torch.randn(1, 28, 28)\nimage -= torch.randn(3, 1, 1)",),
    "expand-size": ("torch.randn(3, 4).expand(3, 5)",),
    "view-size": (
        "x = torch.randn(16, 784)\nx.view(32, 784)",
        "x = torch.randn(10)\nx.view(-1, 3)",
        "torch.randn(10).unflatten(0, (3, 4))",
    ),
    "view-stride": ("x = torch.randn(3, 4)\ny = x.t().view(12)",),
    "cat-sizes": (
        "a, b = torch.randn(2, 3), torch.randn(2, 4)\ntorch.cat([a, b])",
        "torch.cat([torch.randn(2, 3), torch.randn(4)])",
    ),
    "stack-sizes": ("items = [torch.randn(3), torch.randn(4)]\ntorch.stack(items)",),
    "dimension-out-of-range": ("x = torch.randn(3)\nx.sum(1)", "torch.randn(3, 4).transpose(1, 2)"),
    "permute-dimensions": ("torch.randn(3, 4, 5).permute(0, 3, 1, 2)",),
    "batchnorm-one-sample": ("nn.BatchNorm1d(16)(torch.randn(1, 16))",),
    "norm-features": (
        "nn.BatchNorm2d(16)(torch.randn(2, 3, 4, 4))",
        "nn.LayerNorm(64)(torch.randn(8, 32))",
        "nn.GroupNorm(4, 64)(torch.randn(8, 32, 4))",
    ),
    "norm-rank": ("nn.BatchNorm2d(16)(torch.randn(2, 16))", "nn.BatchNorm1d(16)(torch.randn(2, 16, 3, 3))"),
    "rnn-sizes": (
        "nn.LSTM(10, 8)(torch.randn(5, 3, 8))",
        "nn.GRU(10, 8)(torch.randn(5, 3, 10), torch.randn(1, 4, 8))",
        "nn.GRU(10, 8)(torch.randn(5, 3, 10, 2))",
    ),
    "attention-sizes": (
        "nn.MultiheadAttention(10, 3)",
        "x = torch.randn(2, 3, 8)\nnn.MultiheadAttention(12, 3)(x, x, x)",
        "x = torch.randn(2, 3, 12)\nnn.MultiheadAttention(12, 3)(x, x, x, attn_mask=torch.zeros(5, 5))",
        "nn.TransformerEncoderLayer(12, 3)(torch.randn(2, 3, 8))",
    ),
    "cross-entropy-class-range": ("F.cross_entropy(torch.randn(4, 3), torch.tensor([0, 1, 2, 3]))",),
    "cross-entropy-target-shape": (
        "F.cross_entropy(torch.randn(4, 3), torch.zeros(5, dtype=torch.long))",
        "F.cross_entropy(torch.randn(4, 3), torch.zeros(4, 1, dtype=torch.long))",
        "F.cross_entropy(torch.randn(4, 3), torch.zeros(4, 3, dtype=torch.long))",
        "F.cross_entropy(torch.randn(4, 7, 3), torch.zeros(4, 7, dtype=torch.long))",
        "F.cross_entropy(torch.randn(4, 3, 8, 8), torch.zeros(4, 1, 8, 8, dtype=torch.long))",
    ),
    "bce-target-shape": (
        "F.binary_cross_entropy_with_logits(torch.rand(8, 1), torch.rand(8))",
        "F.binary_cross_entropy(torch.rand(8, 1), torch.rand(8))",
    ),
    "single-value-expected": ("torch.randn(10).item()", "float(torch.randn(10))"),
    "truth-of-many": (
        "x = torch.randn(10)\nif x > 0:\n    pass",
        "output, target = torch.randn(4, 3), torch.zeros(4)\nnn.CrossEntropyLoss(output, target)",
    ),
    "mask-shape": ("torch.randn(4)[torch.ones(3, dtype=torch.bool)]",),
    "split-sizes": ("random_split([1, 2, 3], [1, 1])", "torch.randn(10).split([3, 4])"),
    "samples-differ": ("x, y = torch.ones(3), torch.ones(4)\nTensorDataset(x, y)",),
    "dtype-mismatch": (
        "nn.Linear(4, 2)(torch.randn(3, 4).double())",
        "nn.Linear(4, 2)(torch.ones(3, 4, dtype=torch.long))",
        "nn.Conv2d(3, 4, 3)(torch.randn(2, 3, 8, 8).double())",
        "nn.Conv2d(3, 4, 3)(torch.ones(2, 3, 8, 8, dtype=torch.uint8))",
        "nn.LSTM(4, 2)(torch.randn(3, 2, 4).double())",
        "torch.mm(torch.randn(2, 2), torch.randn(2, 2).double())",
        "torch.bmm(torch.randn(2, 2, 2), torch.randn(2, 2, 2).double())",
        "nn.LayerNorm(4)(torch.randn(2, 4).double())",
        "F.binary_cross_entropy(torch.rand(8), torch.ones(8, dtype=torch.long))",
        "x = torch.randn(2, 3, 4)\nF.scaled_dot_product_attention(x, x.double(), x)",
        "torch.randn(3) @ torch.randn(3).double()",
    ),
    "cross-entropy-target-dtype": (
        "F.cross_entropy(torch.randn(4, 3), torch.randn(4))",
        "F.cross_entropy(torch.randn(4, 3), torch.zeros(4, dtype=torch.int32))",
    ),
    "not-implemented-for-dtype": (
        "F.softmax(torch.ones(3, dtype=torch.long), 0)",
        "torch.ones(3, dtype=torch.long).mean()",
        "torch.ones(3, dtype=torch.long).std()",
    ),
    "result-type-cast": (
        "x = torch.ones(3, dtype=torch.long)\nx /= 255",
        "F.binary_cross_entropy_with_logits(torch.rand(8), torch.ones(8, dtype=torch.long))",
    ),
    "numpy-objects": ("torch.from_numpy(np.array([1, None]))", "torch.tensor(np.array(['a', 'b']))"),
    "not-a-tensor-of-numbers": (
        "torch.tensor([[1, 2], [3]])", "torch.tensor(['a'])", "torch.tensor([1.0, None])",
    ),
    "negative-strides": ("torch.from_numpy(np.arange(4)[::-1])",),
    "index-dtype": (
        "F.one_hot(torch.tensor([0.5]))",
        "nn.Embedding(4, 2)(torch.randn(3))", "torch.randn(4)[torch.randn(2)]",
        "torch.zeros(3).scatter(0, torch.ones(2), 1)",
    ),
    "bool-arithmetic": ("torch.tensor([True]) - torch.tensor([False])", "-torch.tensor([True])"),
    "device-mismatch": (
        "nn.Linear(2, 2, device='meta')(torch.ones(2, 2))",
        "torch.ones(2, device='meta') + torch.ones(2)",
    ),
    "cuda-not-available": ("torch.ones(2).cuda()", "torch.ones(2, device='cuda')"),
    "backend-operator-missing": ("torch.ones(2, device='mps')",),
    "meta-tensor": ("nn.Linear(2, 2, device='meta').to('cpu')", "torch.ones(1, device='meta').item()"),
    "cpu-out-of-memory": ("torch.empty(10**15)", "np.ones(10**14)"),
    "memory-error": ("bytearray(10**16)",),
    "worker-killed": (
        "loader = DataLoader(Items(lambda i: os._exit(1)), num_workers=1)\nnext(iter(loader))",
    ),
    "no-gradient": (
        "torch.ones(1).backward()",
        "model = nn.Linear(2, 1)\nmodel.requires_grad_(False)\nloss = model(torch.ones(1, 2)).sum()\nloss.backward()",
        "with torch.no_grad():\n    loss = linear(torch.ones(1, 2)).sum()\nloss.backward()",
    ),
    "second-backward": ("a = torch.ones(1, requires_grad=True)\nb = (a * a).sum()\nb.backward()\nb.backward()",),
    "modified-in-place": ("a = torch.ones(3, requires_grad=True)\nb = a.exp()\nb += 1\nb.sum().backward()",),
    "leaf-in-place": (
        "w = torch.ones(3, requires_grad=True)\nw -= 1", "w = torch.ones(3, requires_grad=True)\nw[0] = 1",
    ),
    "backward-not-scalar": ("loss = torch.ones(3, requires_grad=True) * 2\nloss.backward()",),
    "backward-on-a-number": ("loss = torch.ones(1).item()\nloss.backward()", "loss = None\nloss.backward()"),
    "numpy-of-gradient": ("x = torch.ones(2, requires_grad=True)\nx.numpy()",),
    "copy-of-non-leaf": ("copy.deepcopy(torch.ones(3, requires_grad=True) * 2)",),
    "gradient-of-unused": (
        "x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)\ntorch.autograd.grad(x * 1, y)",
    ),
    "gradient-of-integers": (
        "torch.ones(3, dtype=torch.long, requires_grad=True)", "torch.ones(3, dtype=torch.long).requires_grad_()",
    ),
    "inference-tensor": (
        "with torch.inference_mode():\n    x = torch.ones(2)\nlinear(x).sum().backward()",
        "with torch.inference_mode():\n    x = torch.ones(3)\nx.add_(1)",
    ),
    "requires-grad-of-non-leaf": ("x = torch.ones(3, requires_grad=True) * 1\nx.requires_grad = False",),
    "output-changed-in-place": ("a, b = torch.ones(4, requires_grad=True).mul(1).chunk(2)\na += 1",),
    "optimizer-empty": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.layers = [nn.Linear(2, 2)]\n\n"
        "model = Net()\ntorch.optim.SGD(model.parameters(), lr=0.1)",
    ),
    "optimizer-parameters": (
        "torch.optim.SGD(torch.ones(1), lr=1)", "model = nn.Linear(1, 1)\ntorch.optim.SGD(model, lr=1)",
        "torch.optim.SGD(['a'], lr=1)", "torch.optim.SGD(linear.parameters, lr=1)",
    ),
    "optimizer-non-leaf": ("torch.optim.SGD([torch.ones(1, requires_grad=True) * 1], lr=1)",),
    "optimizer-parameter-twice": (
        "p = nn.Parameter(torch.ones(1))\ntorch.optim.SGD([{'params': [p]}, {'params': [p]}], lr=1)",
    ),
    "optimizer-state-groups": (
        "other = torch.optim.SGD(nn.Linear(2, 2, bias=False).parameters(), lr=1)\noptimizer.load_state_dict(other.state_dict())",
        "other = torch.optim.SGD([{'params': [p]} for p in linear.parameters()], lr=1)\noptimizer.load_state_dict(other.state_dict())",
    ),
    "optimizer-state-shapes": (
        "small, big = nn.Linear(1, 1), nn.Linear(2, 1)\n"
        "one, two = torch.optim.Adam(small.parameters()), torch.optim.Adam(big.parameters())\n"
        "big(torch.ones(1, 2)).sum().backward()\ntwo.step()\none.load_state_dict(two.state_dict())\n"
        "small(torch.ones(1, 1)).sum().backward()\none.step()",
    ),
    "scheduler-needs-metric": (
        "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)\nscheduler.step()",
    ),
    "scheduler-too-many-steps": (
        "scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1, total_steps=2)\n"
        "for _ in range(4):\n    optimizer.step()\n    scheduler.step()",
    ),
    "closure-missing": ("torch.optim.LBFGS([nn.Parameter(torch.ones(1))]).step()",),
    "state-dict-prefix": (
        "state = {'module.' + key: value for key, value in linear.state_dict().items()}\nlinear.load_state_dict(state)",
        "state = linear.state_dict()\ncompiled = torch.compile(nn.Linear(2, 2))\ncompiled.load_state_dict(state)",
    ),
    "state-dict-sizes": (
        "state = {**linear.state_dict(), 'weight': torch.ones(4, 2)}\nlinear.load_state_dict(state)",
    ),
    "state-dict-keys": (
        "linear.load_state_dict({'weight': torch.ones(2, 2)})",
        "checkpoint = {'epoch': 3, 'model': linear.state_dict()}\nlinear.load_state_dict(checkpoint)",
    ),
    "state-dict-kind": ("path = 'weights.pt'\nlinear.load_state_dict(path)", "linear.load_state_dict(linear)"),
    "weights-only": ("torch.load(io.BytesIO(saved(linear)))",),
    "checkpoint-corrupt": (
        "torch.load(io.BytesIO(saved(linear)[:800]))", "torch.load(io.BytesIO(b'<html>'))",
        "torch.load(io.BytesIO(b'<html>'), weights_only=False)",
        "torch.load(io.BytesIO(b'version https://git-lfs.github.com/spec/v1'))",
    ),
    "empty-file": ("torch.load(io.BytesIO(b''))",),
    "save-failed": ("torch.save(linear, 'no_such_folder/weights.pt')",),
    "collate-sizes": (
        "loader = DataLoader(Items(lambda i: torch.ones(i + 1)), batch_size=4)\nnext(iter(loader))",
        "loader = DataLoader(Items(lambda i: [1] * (i + 1)), batch_size=4)\nnext(iter(loader))",
        "loader = DataLoader(Items(lambda i: torch.ones(i + 1)), batch_size=4, num_workers=1)\nnext(iter(loader))",
    ),
    "collate-type": ("loader = DataLoader(Items(lambda i: None), batch_size=4)\nnext(iter(loader))",),
    "collate-requires-grad": (
        "loader = DataLoader(Items(lambda i: torch.ones(1, requires_grad=True) * 2), num_workers=1)\nnext(iter(loader))",
    ),
    "cannot-pickle": (
        "import pickle\npickle.dumps(lambda: 1)",
        "import functools, pickle\n\n@functools.lru_cache\ndef f():\n    pass\n\ng, f = f, 1\npickle.dumps(g)",
        "import pickle\n\ndef make():\n    class Foo:\n        pass\n    return Foo\n\npickle._dumps(make())",
        "import pickle\n\ndef make():\n    class Local(Dataset):\n        pass\n    return Local()\n\npickle.dumps(make())",
    ),
    "loader-empty": ("files = []\nDataLoader(files, shuffle=True)",),
    "loader-options": (
        "DataLoader([1], persistent_workers=True)", "DataLoader([1], prefetch_factor=2)",
        "DataLoader([1], sampler=[0], shuffle=True)", "DataLoader([1], batch_size=0)",
        "DataLoader([1], batch_sampler=[[0]], shuffle=True)",
    ),
    "dataset-not-implemented": ("next(iter(DataLoader(Dataset(), sampler=[0])))",),
    "loader-used-directly": ("loader = DataLoader([1])\nnext(loader)", "loader = DataLoader([1])\nloader[0]"),
    "packed-lengths": (
        "pack_padded_sequence(torch.ones(3, 2, 1), torch.tensor([1, 3]))",
        "pack_padded_sequence(torch.ones(3, 2, 1), torch.tensor([3, 0]))",
    ),
    "embedding-range": ("nn.Embedding(4, 2)(torch.tensor([5]))",),
    "index-out-of-bounds": (
        "x = torch.randn(3)\nx[torch.tensor([5])]", "torch.randn(3)[5]",
        "torch.randn(3, 3).gather(1, torch.tensor([[5]]))",
    ),
    "scalar-indexed": ("loss = torch.tensor(1)\nloss[0]", "list(torch.tensor(1))", "len(torch.tensor(1))"),
    "one-hot-range": ("F.one_hot(torch.tensor([5]), 3)",),
    "probabilities-outside-range": ("F.binary_cross_entropy(torch.randn(8) * 10, torch.rand(8))",),
    "not-finite-probabilities": (
        "torch.multinomial(torch.tensor([float('nan'), 1]), 1)",
        "nan = torch.tensor([[float('nan'), 1]])\ntorch.distributions.Categorical(logits=nan, validate_args=True)",
    ),
    "anomaly-found": (
        "with torch.autograd.detect_anomaly():\n    x = torch.zeros(1, requires_grad=True)\n    (x.sqrt() * 0).sum().backward()",
    ),
    "learning-rate-invalid": ("torch.optim.SGD(linear.parameters(), lr=-1)",),
    "backward-gradient-shape": ("(torch.ones(3, requires_grad=True) * 1).backward(torch.ones(4))",),
    "argument-not-tensor": (
        "x = [1.0, 2.0]\nlinear(x)", "x = np.ones((2, 2))\nlinear(x)", "F.cross_entropy((torch.ones(1),), torch.ones(1))",
        "nn.Conv2d(1, 1, 1)('a')",
    ),
    "forward-missing": (
        "class Net(nn.Module):\n    def foward(self, x):\n        return x\n\nNet()(1)",
        "nn.ModuleList([nn.Linear(2, 2)])(torch.ones(2))",
    ),
    "init-not-called": (
        "class Net(nn.Module):\n    def __init__(self):\n        self.fc = nn.Linear(1, 1)\n\nNet()",
    ),
    "module-attribute": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc1 = nn.Linear(1, 1)\n\n"
        "    def forward(self, x):\n        return self.fcl(x)\n\nNet()(torch.ones(1))",
    ),
    "forward-arguments": ("linear()", "linear(1, 2, 3)", "linear(x=1)"),
    "not-a-module": ("nn.Sequential(nn.Linear(2, 2), torch.relu)", "nn.Sequential(nn.Linear(2, 2), torch.ones(1))"),
    "tensor-called": ("loss = torch.ones(3)\nloss(2)",),
    "lazy-parameters": ("nn.LazyLinear(2).weight.sum()",),
    "scaler-unscaled-twice": (
        "scaler = torch.amp.GradScaler('cpu')\nscaler.scale(torch.ones(1))\nscaler.unscale_(optimizer)\nscaler.unscale_(optimizer)",
    ),
    "scaler-no-gradients": (
        "other = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1)\nscaler = torch.amp.GradScaler('cpu')\nscaler.scale(torch.ones(1))\nscaler.step(other)",
        "scaler = torch.amp.GradScaler('cpu')\nscaler.scale(torch.ones(1))\nscaler.update()",
    ),
    "scaler-half-weights": (
        "half = nn.Linear(1, 1).half()\nopt = torch.optim.SGD(half.parameters(), lr=1)\nscaler = torch.amp.GradScaler('cpu')\n"
        "scaler.scale(half(torch.ones(1, 1).half()).sum()).backward()\nscaler.unscale_(opt)",
    ),
    "graph-break": (
        "@torch.compile(fullgraph=True, backend='eager')\ndef f(a):\n    if a.sum() > 0:\n        return a\n    return -a\n\nf(torch.ones(2))",
    ),
    "process-group-missing": ("torch.distributed.all_reduce(torch.ones(1))",),
    "rendezvous-failed": ("torch.distributed.init_process_group('gloo')",),
    "missing-package": ("import xformers.ops",),
    "nothing-to-join": (
        'torch.stack([])',
        'torch.cat([])',
    ),
    "nothing-to-reduce": (
        'torch.empty(0).max()',
        'torch.empty(2, 0).argmax(1)',
    ),
    "memory-shared-in-place": (
        'x = torch.zeros(1, 3).expand(4, 3)\nx += 1',
    ),
    "gradient-missing": (
        'w = torch.ones(3, requires_grad=True)\nw.grad.zero_()',
    ),
    "dataset-without-length": (
        'class Numbers(Dataset):\n    def __getitem__(self, index):\n        return index\n\nDataLoader(Numbers(), shuffle=True)',
    ),
    "size-not-whole": (
        'nn.Linear(2.5, 3)',
        'torch.zeros((2.0, 3))',
    ),
    "channels-not-divisible": (
        'nn.Conv2d(3, 8, 3, groups=2)',
        'nn.GroupNorm(4, 6)',
    ),
    "parameter-overwritten": (
        'linear.weight = torch.ones(2, 2)',
    ),
    "device-unknown": (
        "torch.ones(2).to('gpu')",
        "torch.device('cuda:a')",
    ),
    "gather-sizes": (
        'torch.ones(3, 4).gather(1, torch.zeros(4, 4, dtype=torch.long))',
        'torch.ones(3, 4).gather(1, torch.zeros(3, dtype=torch.long))',
    ),
    "einsum-sizes": (
        "torch.einsum('ij,jk->ik', torch.ones(2, 3), torch.ones(4, 5))",
        "torch.einsum('ij->i', torch.ones(3))",
    ),
    "padding-too-large": (
        'F.pad(torch.ones(1, 2, 2), (2, 2), mode="reflect")', "nn.CircularPad1d(3)(torch.ones(1, 2, 2))",
        "torch.stft(torch.ones(4), 8, return_complex=True)",
    ),
    "resize-dimensions": (
        'F.interpolate(torch.ones(3, 8, 8), size=(4, 4))',
        'F.pad(torch.ones(3), (1, 1, 1, 1))',
    ),
    "lstm-state": (
        'nn.LSTM(4, 8)(torch.ones(5, 3, 4), torch.zeros(1, 3, 8))',
        'nn.LSTM(4, 8)(torch.ones(5, 3, 4), (torch.zeros(3, 8), torch.zeros(3, 8)))',
        'nn.GRU(4, 8)(torch.ones(5, 3, 4), (torch.zeros(1, 3, 8), torch.zeros(1, 3, 8)))',
    ),
    "gradient-norm-not-finite": (
        "w = nn.Parameter(torch.ones(1))\nw.grad = torch.tensor([float('nan')])\ntorch.nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)",
    ),
    "dropout-probability": (
        'nn.Dropout(20)',
    ),
    "optimizer-setting": (
        'torch.optim.Adam(linear.parameters(), betas=(1.1, 0.9))',
        'torch.optim.SGD(linear.parameters(), lr=0.1, momentum=-1)',
    ),
    "save-not-picklable": (
        "torch.save({'f': lambda x: x}, 'weights.pt')",
    ),
    "output-is-tuple": (
        'out = nn.LSTM(4, 8)(torch.ones(5, 3, 4))\nout.mean(0)',
    ),
    "class-weights-count": (
        'F.cross_entropy(torch.ones(3, 5), torch.tensor([0, 1, 2]), weight=torch.ones(3))',
    ),
}
