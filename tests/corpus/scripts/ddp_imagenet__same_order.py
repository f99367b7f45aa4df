import os

import torch
import torch.distributed as dist
import torch.nn as nn
import torchvision.models as models
import torchvision.transforms as transforms
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from torchvision.datasets import ImageFolder

EPOCHS = 90
BATCH = 64


def accuracy(output, target):
    return (output.argmax(1) == target).float().mean()


def validate(loader, model, criterion, device):
    model.eval()
    stats = torch.zeros(3, device=device)
    with torch.no_grad():
        for images, target in loader:
            images, target = images.to(device), target.to(device)
            output = model(images)
            stats[0] += criterion(output, target) * images.size(0)
            stats[1] += accuracy(output, target) * images.size(0)
            stats[2] += images.size(0)
    dist.all_reduce(stats)
    return (stats[0] / stats[2]).item(), (stats[1] / stats[2]).item()


def main():
    dist.init_process_group("nccl")
    rank = int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(rank)
    device = torch.device("cuda", rank)
    torch.manual_seed(0)
    normalize = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    train_dataset = ImageFolder(
        "imagenet/train",
        transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor(), normalize]),
    )
    val_dataset = ImageFolder(
        "imagenet/val",
        transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), normalize]),
    )
    train_sampler = DistributedSampler(train_dataset)
    val_sampler = DistributedSampler(val_dataset, shuffle=False)
    train_loader = DataLoader(train_dataset, batch_size=BATCH, sampler=train_sampler, num_workers=8, pin_memory=True)
    val_loader = DataLoader(val_dataset, batch_size=BATCH, sampler=val_sampler, num_workers=8, pin_memory=True)

    model = models.resnet50().to(device)
    model = DDP(model, device_ids=[rank])
    criterion = nn.CrossEntropyLoss().to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
    best = 0.0
    for epoch in range(EPOCHS):
        model.train()
        for i, (images, target) in enumerate(train_loader):
            images = images.to(device, non_blocking=True)
            target = target.to(device, non_blocking=True)
            output = model(images)
            loss = criterion(output, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if i % 100 == 0 and rank == 0:
                print(f"[{epoch}][{i}/{len(train_loader)}] loss {loss.item():.3f}")
        val_loss, val_acc = validate(val_loader, model, criterion, device)
        scheduler.step()
        if rank == 0:
            print(f"epoch {epoch}: val loss {val_loss:.3f} acc {val_acc:.4f}")
            if val_acc > best:
                best = val_acc
                torch.save({"epoch": epoch, "state_dict": model.module.state_dict()}, "model_best.pth.tar")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
