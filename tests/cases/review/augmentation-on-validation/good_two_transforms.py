from torch.utils.data import DataLoader, Subset, random_split
from torchvision import datasets
from torchvision import transforms as T

aug = T.Compose([T.RandomResizedCrop(224), T.ToTensor()])
plain = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor()])
train_ds = datasets.ImageFolder("d/train", transform=aug)
val_ds = datasets.ImageFolder("d/val", transform=plain)
train_loader = DataLoader(train_ds, batch_size=128, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=256)
