from torch.utils.data import DataLoader, Subset, random_split
from torchvision import datasets
from torchvision import transforms as T

aug = T.Compose([T.RandomHorizontalFlip(), T.ToTensor()])
train_full = datasets.CIFAR10("d", transform=aug)
val_full = datasets.CIFAR10("d", transform=T.ToTensor())
train_loader = DataLoader(Subset(train_full, range(45000)), batch_size=128, shuffle=True)
val_loader = DataLoader(Subset(val_full, range(45000, 50000)), batch_size=256)
