import functools, os
import torch, torch.distributed as dist
import torch.nn.functional as F
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP, MixedPrecision
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaDecoderLayer
from mydata import PackedTokens

dist.init_process_group("nccl")
local = int(os.environ["LOCAL_RANK"])
torch.cuda.set_device(local)
torch.manual_seed(0)
cfg = LlamaConfig(hidden_size=1024, num_hidden_layers=16, num_attention_heads=16, intermediate_size=2816, vocab_size=32000)
model = FSDP(LlamaForCausalLM(cfg), device_id=local,
             auto_wrap_policy=functools.partial(transformer_auto_wrap_policy, transformer_layer_cls={LlamaDecoderLayer}),
             mixed_precision=MixedPrecision(param_dtype=torch.bfloat16, reduce_dtype=torch.float32))
opt = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)
MAX, WARM = 50_000, 1_000
lr_at = lambda s: s / WARM if s < WARM else 0.1 + 0.45 * (1 + torch.cos(torch.tensor(torch.pi * (s - WARM) / (MAX - WARM)))).item()
sched = torch.optim.lr_scheduler.LambdaLR(opt, lr_at)
it = iter(DataLoader(PackedTokens("train", rank=dist.get_rank(), world=dist.get_world_size()), batch_size=16, num_workers=2))
for step in range(MAX):
    ids = next(it).to(local)
    out = model(input_ids=ids, labels=ids)
    out.loss.backward()
    model.clip_grad_norm_(1.0)
    opt.step()
    opt.zero_grad(set_to_none=True)
    if step % 100 == 0 and local == 0:
        print(step, out.loss.item())
    if step % 5000 == 0:
        torch.save(model.state_dict(), f"ck{step}.pt")
