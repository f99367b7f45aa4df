from torch.utils.data import DataLoader, Subset, random_split
from torchvision import datasets
from torchvision import transforms as T

aug = T.Compose([T.RandomHorizontalFlip(), T.ToTensor()])
data = datasets.ImageFolder("d", transform=aug)
train_data, val_data = random_split(data, [0.9, 0.1])
val_data.dataset = copy_of(data)
val_data.dataset.transform = T.ToTensor()
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
val_loader = DataLoader(val_data, batch_size=64)
