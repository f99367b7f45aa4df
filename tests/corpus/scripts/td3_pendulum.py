import copy, random
from collections import deque
import gymnasium as gym, numpy as np, torch, torch.nn as nn, torch.nn.functional as F

env = gym.make("Pendulum-v1")
S, A, LIM = 3, 1, 2.0
mlp = lambda i, o: nn.Sequential(nn.Linear(i, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, o))
actor = nn.Sequential(mlp(S, A), nn.Tanh())
q1, q2 = mlp(S + A, 1), mlp(S + A, 1)
actor_t, q1_t, q2_t = map(copy.deepcopy, (actor, q1, q2))
opt_a = torch.optim.Adam(actor.parameters(), lr=3e-4)
opt_q = torch.optim.Adam([*q1.parameters(), *q2.parameters()], lr=3e-4)
mem = deque(maxlen=100_000)
s, _ = env.reset(seed=0)
for t in range(50_000):
    with torch.no_grad():
        a = (actor(torch.as_tensor(s)) * LIM + 0.1 * torch.randn(A)).clamp(-LIM, LIM).numpy() if t > 1000 else env.action_space.sample()
    s2, r, term, trunc, _ = env.step(a)
    mem.append((s, a, r, s2, term))
    s = env.reset()[0] if term or trunc else s2
    if t < 1000:
        continue
    b = [torch.as_tensor(np.array(x), dtype=torch.float32) for x in zip(*random.sample(mem, 256))]
    with torch.no_grad():
        noise = (torch.randn_like(b[1]) * 0.2).clamp(-0.5, 0.5)
        a2 = (actor_t(b[3]) * LIM + noise).clamp(-LIM, LIM)
        x2 = torch.cat([b[3], a2], 1)
        y = b[2][:, None] + 0.99 * (1 - b[4][:, None]) * torch.min(q1_t(x2), q2_t(x2))
    x = torch.cat([b[0], b[1]], 1)
    loss_q = F.mse_loss(q1(x), y) + F.mse_loss(q2(x), y)
    opt_q.zero_grad(); loss_q.backward(); opt_q.step()
    if t % 2 == 0:
        loss_a = -q1(torch.cat([b[0], actor(b[0]) * LIM], 1)).mean()
        opt_a.zero_grad(); loss_a.backward(); opt_a.step()
        for n, o in ((actor_t, actor), (q1_t, q1), (q2_t, q2)):
            for p, q in zip(n.parameters(), o.parameters()):
                p.data.lerp_(q.data, 0.005)
