# expect: best-state-not-copied
import copy

import torch
from torch import nn
from torchvision import models

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
model = models.resnet50(weights="IMAGENET1K_V2")
for parameter in model.parameters():
    parameter.requires_grad = False
model.fc = nn.Linear(model.fc.in_features, 12)
model = model.to(device)

# %%
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.fc.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.3)
best_accuracy, best_state = 0.0, None

# %%
for epoch in range(12):
    for phase in ("train", "val"):
        if phase == "train":
            model.train()
        else:
            model.eval()
        correct = 0
        for inputs, labels in loaders[phase]:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(inputs)
                loss = criterion(outputs, labels)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            correct += torch.sum(outputs.argmax(1) == labels)
        if phase == "train":
            scheduler.step()
        elif correct > best_accuracy:
            best_accuracy = correct
            best_state = model.state_dict()
model.load_state_dict(best_state)
