import torch
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

noisy = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
plain = transforms.Compose([transforms.ToTensor()])
train_all, val_all = ImageFolder("images", noisy), ImageFolder("images", plain)
order = torch.randperm(len(train_all)).tolist()
train_loader = DataLoader(Subset(train_all, order[:-500]), batch_size=32, shuffle=True)
val_loader = DataLoader(Subset(val_all, order[-500:]), batch_size=32)
