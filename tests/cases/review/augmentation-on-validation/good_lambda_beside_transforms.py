"""A lambda among the plain transforms stands in the function that also makes the random ones."""

from torch.utils.data import DataLoader

import torchvision.transforms as T
from torchvision.datasets import CIFAR10
def main():
    train_tf = T.Compose([T.RandomCrop(32, padding=4), T.ToTensor()])
    val_tf = T.Compose([T.ToTensor(), T.Lambda(lambda t: t - 0.5)])
    train_ds = CIFAR10("d", train=True, transform=train_tf)
    val_ds = CIFAR10("d", train=False, transform=val_tf)
    train_loader = DataLoader(train_ds, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_ds, batch_size=64)
    return train_loader, val_loader
main()
