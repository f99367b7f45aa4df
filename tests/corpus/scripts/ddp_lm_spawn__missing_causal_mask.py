import os
from contextlib import nullcontext
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

class TokenFile(Dataset):
    def __init__(self, path, block):
        self.data = torch.load(path, weights_only=True)
        self.block = block
    def __len__(self):
        return (len(self.data) - 1) // self.block
    def __getitem__(self, i):
        c = self.data[i * self.block:(i + 1) * self.block + 1]
        return c[:-1], c[1:]

class Layer(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.ln1, self.ln2, self.h = nn.LayerNorm(d), nn.LayerNorm(d), h
        self.qkv, self.o = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ff = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.h, d // self.h).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, d))
        return x + self.ff(self.ln2(x))

class LM(nn.Module):
    def __init__(self, vocab, d=512, h=8, n=8, block=512):
        super().__init__()
        self.te, self.pe = nn.Embedding(vocab, d), nn.Embedding(block, d)
        self.layers = nn.ModuleList([Layer(d, h) for _ in range(n)])
        self.ln, self.head = nn.LayerNorm(d), nn.Linear(d, vocab, bias=False)
    def forward(self, x):
        h = self.te(x) + self.pe(torch.arange(x.shape[1], device=x.device))
        for l in self.layers:
            h = l(h)
        return self.head(self.ln(h))

def worker(rank, world, cfg):
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT="29500")
    dist.init_process_group("nccl", rank=rank, world_size=world)
    torch.cuda.set_device(rank)
    torch.manual_seed(cfg["seed"])
    tr, va = TokenFile("train.pt", cfg["block"]), TokenFile("val.pt", cfg["block"])
    sampler = DistributedSampler(tr, world, rank, shuffle=True, seed=cfg["seed"])
    dl = DataLoader(tr, batch_size=cfg["micro"], sampler=sampler, drop_last=True, num_workers=2)
    vl = DataLoader(va, batch_size=cfg["micro"], sampler=DistributedSampler(va, world, rank, shuffle=False))
    model = DDP(LM(cfg["vocab"]).to(rank), device_ids=[rank])
    opt = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], betas=(0.9, 0.95), weight_decay=0.1)
    total = cfg["epochs"] * len(dl) // cfg["accum"]
    warm = torch.optim.lr_scheduler.LinearLR(opt, 1e-3, 1.0, total_iters=cfg["warmup"])
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(opt, total - cfg["warmup"], cfg["lr"] / 10)
    sched = torch.optim.lr_scheduler.SequentialLR(opt, [warm, decay], milestones=[cfg["warmup"]])
    for epoch in range(cfg["epochs"]):
        sampler.set_epoch(epoch)
        model.train()
        for i, (x, y) in enumerate(dl):
            x, y = x.to(rank), y.to(rank)
            boundary = (i + 1) % cfg["accum"] == 0
            with (nullcontext() if boundary else model.no_sync()):
                with torch.autocast("cuda", dtype=torch.bfloat16):
                    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
                (loss / cfg["accum"]).backward()
            if boundary:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                opt.step()
                opt.zero_grad(set_to_none=True)
                sched.step()
        model.eval()
        with torch.no_grad():
            s = torch.zeros(2, device=rank)
            for x, y in vl:
                s[0] += F.cross_entropy(model(x.to(rank)).flatten(0, 1), y.to(rank).flatten())
                s[1] += 1
        dist.all_reduce(s)
        if rank == 0:
            print(epoch, (s[0] / s[1]).item())
            torch.save(model.module.state_dict(), "lm.pt")
    dist.destroy_process_group()

if __name__ == "__main__":
    conf = dict(vocab=50304, block=512, micro=16, accum=4, lr=6e-4, warmup=500, epochs=2, seed=1)
    n = torch.cuda.device_count()
    mp.spawn(worker, args=(n, conf), nprocs=n)
