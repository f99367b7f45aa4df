import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from torch.utils.data import DataLoader
from torchvision import transforms
from datasets import load_dataset

cfg = dict(size=64, bs=32, lr=1e-4, epochs=100, warm=500)
aug = transforms.Compose([transforms.Resize((cfg["size"],) * 2), transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
ds = load_dataset("huggan/smithsonian_butterflies_subset", split="train")
ds.set_transform(lambda b: {"images": [aug(i.convert("RGB")) for i in b["image"]]})
loader = DataLoader(ds, batch_size=cfg["bs"], shuffle=True)
unet = UNet2DModel(sample_size=cfg["size"], in_channels=3, out_channels=3, layers_per_block=2, block_out_channels=(128, 256, 512)).cuda()
ema = EMAModel(unet.parameters(), decay=0.9999)
noiser = DDPMScheduler(num_train_timesteps=1000)
opt = torch.optim.AdamW(unet.parameters(), lr=cfg["lr"])
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / cfg["warm"]))
for epoch in range(cfg["epochs"]):
    for batch in loader:
        clean = batch["images"].cuda()
        noise = torch.randn_like(clean)
        t = torch.randint(0, noiser.config.num_train_timesteps, (clean.size(0),), device="cuda")
        noisy = noiser.add_noise(clean, noise, t)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = F.mse_loss(unet(noisy, t).sample, noise)
        loss.backward()
        opt.step()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        warm.step()
        opt.zero_grad(set_to_none=True)
        ema.step(unet.parameters())
    torch.save(unet.state_dict(), "unet.pt")
