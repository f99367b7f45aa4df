from torch.utils.data import DataLoader, Subset, random_split
from torchvision import datasets
from torchvision import transforms as T

aug = T.Compose([T.Resize(256), T.RandomResizedCrop(224), T.RandAugment(), T.ToTensor()])
train_ds = datasets.CIFAR10("d", train=True, transform=aug)
test_ds = datasets.CIFAR10("d", train=False, transform=aug)
train_loader = DataLoader(train_ds, batch_size=128, shuffle=True)
test_loader = DataLoader(test_ds, batch_size=256)  # <-- augmentation-on-validation
