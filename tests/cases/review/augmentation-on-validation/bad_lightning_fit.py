import lightning as L
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

augment = transforms.Compose([transforms.RandomResizedCrop(64), transforms.ToTensor()])
train_part, other_part = random_split(datasets.ImageFolder("images", transform=augment), [0.8, 0.2])
trainer = L.Trainer(max_epochs=5, gradient_clip_val=1.0)
trainer.fit(
    model,
    DataLoader(train_part, 64, shuffle=True),
    DataLoader(other_part, 64),  # <-- augmentation-on-validation
)
