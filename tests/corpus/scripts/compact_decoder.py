import argparse, contextlib, itertools, math, time
import torch, torch.nn as nn, torch.nn.functional as F

def parse():
    p = argparse.ArgumentParser()
    for n, t, d in [("lr", float, 1e-3), ("warmup", int, 256), ("iters", int, 5000), ("accum", int, 8), ("batch", int, 16)]:
        p.add_argument(f"--{n}", type=t, default=d)
    return p.parse_args()

class Attn(nn.Module):
    def __init__(s, d, h):
        super().__init__(); s.h = h; s.qkv = nn.Linear(d, 3 * d, bias=False); s.o = nn.Linear(d, d, bias=False)
    def forward(s, x):
        q, k, v = (t.unflatten(-1, (s.h, -1)).transpose(1, 2) for t in s.qkv(x).chunk(3, -1))
        return s.o(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))

class Layer(nn.Module):
    def __init__(s, d, h):
        super().__init__(); s.a, s.n1, s.n2 = Attn(d, h), nn.RMSNorm(d), nn.RMSNorm(d); s.m = nn.Sequential(nn.Linear(d, 4 * d), nn.SiLU(), nn.Linear(4 * d, d))
    def forward(s, x):
        x = x + s.a(s.n1(x)); return x + s.m(s.n2(x))

class Net(nn.Module):
    def __init__(s, vocab, d=512, n=8, h=8):
        super().__init__(); s.e = nn.Embedding(vocab, d); s.b = nn.Sequential(*(Layer(d, h) for _ in range(n))); s.f = nn.RMSNorm(d); s.u = nn.Linear(d, vocab, bias=False)
    def forward(s, i): return s.u(s.f(s.b(s.e(i))))

def batches(path, b, t=512):
    data = torch.from_file(path, dtype=torch.int16, size=10**8)
    while True:
        ix = torch.randint(len(data) - t - 1, (b,))
        x = torch.stack([data[i : i + t + 1] for i in ix]).long().cuda()
        yield x[:, :-1], x[:, 1:]

def main():
    a = parse(); torch.manual_seed(0); torch.set_float32_matmul_precision("high")
    net = torch.compile(Net(50257).cuda()); amp = lambda: torch.autocast("cuda", dtype=torch.bfloat16)
    opt = torch.optim.AdamW(net.parameters(), lr=a.lr, betas=(0.9, 0.95), fused=True)
    data = batches("train.bin", a.batch); t0 = time.time()
    for it in range(a.iters):
        lr = a.lr * min((it + 1) / a.warmup, 0.5 * (1 + math.cos(math.pi * it / a.iters)))
        for g in opt.param_groups: g["lr"] = lr
        opt.zero_grad(set_to_none=True)
        for x, y in itertools.islice(data, a.accum):
            with amp(): loss = F.cross_entropy(net(x).flatten(0, 1), y.flatten()) / a.accum
            loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0); opt.step()
        if it % 50 == 0: print(it, loss.item() * a.accum, time.time() - t0); torch.save(net.state_dict(), "net.pt")

if __name__ == "__main__": main()
