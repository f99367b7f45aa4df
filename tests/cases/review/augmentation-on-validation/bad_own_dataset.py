from torch.utils.data import DataLoader, Subset, random_split
from torchvision import datasets
from torchvision import transforms as T

import torch

class Photos(torch.utils.data.Dataset):
    def __init__(self, files, transform=None):
        self.files, self.transform = files, transform

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return self.transform(read(self.files[index]))


def loaders(files):
    augment = T.Compose([T.RandomHorizontalFlip(), T.ColorJitter(0.4), T.ToTensor()])
    full = Photos(files, transform=augment)
    train, val = torch.utils.data.random_split(full, [0.8, 0.2])
    train_loader = DataLoader(train, batch_size=64, shuffle=True)
    val_loader = DataLoader(val, batch_size=64)  # <-- augmentation-on-validation
    return train_loader, val_loader


loaders(files)
