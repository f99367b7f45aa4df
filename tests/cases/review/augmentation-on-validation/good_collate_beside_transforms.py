"""A collate function is defined beside the training transforms and does not use them."""

from torch.utils.data import DataLoader

import torchvision.transforms as T
from torchvision.datasets import CIFAR10
from torch.utils.data import default_collate
def make_loaders():
    train_tf = T.Compose([T.RandomCrop(32, padding=4), T.RandomHorizontalFlip(), T.ToTensor()])
    val_tf = T.ToTensor()
    train_ds = CIFAR10("d", train=True, transform=train_tf)
    val_ds = CIFAR10("d", train=False, transform=val_tf)
    def collate(batch):
        return default_collate(batch)
    train_loader = DataLoader(train_ds, batch_size=64, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(val_ds, batch_size=64, collate_fn=collate)
    return train_loader, val_loader
train_loader, val_loader = make_loaders()
