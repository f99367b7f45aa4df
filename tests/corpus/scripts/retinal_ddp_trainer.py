import os
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from torchvision import models, transforms as T

from retina import RetinaSet


class Runner:
    def __init__(self, args):
        self.rank = int(os.environ["RANK"])
        self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        norm = T.Normalize([0.43, 0.31, 0.22], [0.28, 0.2, 0.17])
        self.train_set = RetinaSet(args.root, "train", T.Compose([T.RandomRotation(15), T.RandomHorizontalFlip(), T.ToTensor(), norm]))
        self.valid_set = RetinaSet(args.root, "valid", T.Compose([T.ToTensor(), norm]))
        self.sampler = DistributedSampler(self.train_set, shuffle=True, drop_last=True)
        self.loader = DataLoader(self.train_set, batch_size=args.batch, sampler=self.sampler, num_workers=8)
        self.valid_loader = DataLoader(self.valid_set, batch_size=args.batch, num_workers=8)
        net = models.densenet121(weights="DEFAULT")
        net.classifier = nn.Linear(net.classifier.in_features, 5)
        net = nn.SyncBatchNorm.convert_sync_batchnorm(net).to(self.device)
        self.net = DistributedDataParallel(net, device_ids=[self.device.index])
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=args.lr, weight_decay=0.05)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, args.epochs)
        self.loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 4.0, 2.0, 8.0, 8.0], device=self.device))
        self.args = args

    def one_epoch(self, epoch):
        self.sampler.set_epoch(epoch)
        self.net.train()
        for image, grade in self.loader:
            image, grade = image.to(self.device, non_blocking=True), grade.to(self.device, non_blocking=True)
            self.opt.zero_grad(set_to_none=True)
            loss = self.loss(self.net(image), grade)
            loss.backward()
            self.opt.step()
        return loss.item()

    @torch.no_grad()
    def score(self):
        self.net.eval()
        hits = sum((self.net(i.to(self.device)).argmax(1) == g.to(self.device)).sum() for i, g in self.valid_loader)
        return hits.item() / len(self.valid_set)

    def run(self):
        torch.manual_seed(self.args.seed)
        for epoch in range(self.args.epochs):
            loss = self.one_epoch(epoch)
            self.sched.step()
            if self.rank == 0:
                print(epoch, loss, self.score())
                torch.save(self.net.module.state_dict(), "retina.pt")
            dist.barrier()


if __name__ == "__main__":
    from argparse import Namespace

    dist.init_process_group("nccl")
    Runner(Namespace(root="/data", batch=32, lr=1e-4, epochs=25, seed=0)).run()
