import torch
import torch.nn.functional as F
from torch import nn, optim
from torchvision import models

from data import get_cifar100_loaders

torch.manual_seed(0)
device = torch.device("cuda")
T, alpha = 4.0, 0.7
train_loader, val_loader = get_cifar100_loaders(batch_size=128)

teacher = models.resnet50(num_classes=100).to(device)
teacher.load_state_dict(torch.load("teacher.pt", weights_only=True))
teacher.eval()
for p in teacher.parameters():
    p.requires_grad_(False)
student = models.resnet18(num_classes=100).to(device)

optimizer = optim.SGD(student.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=[60, 90], gamma=0.1)


def kd_loss(student_logits, teacher_logits, labels):
    soft = F.kl_div(F.log_softmax(student_logits / T, dim=1), F.softmax(teacher_logits / T, dim=1), reduction="batchmean")
    hard = F.cross_entropy(student_logits, labels)
    return alpha * T * T * soft + (1 - alpha) * hard


def evaluate(model):
    model.eval()
    correct = 0
    with torch.inference_mode():
        for x, y in val_loader:
            correct += (model(x.to(device)).argmax(1).cpu() == y).sum().item()
    return correct / len(val_loader.dataset)


best = 0
for epoch in range(100):
    student.train()
    for x, y in train_loader:
        x, y = x.to(device), y.to(device)
        with torch.no_grad():
            t_logits = teacher(x)
        s_logits = student(x)
        loss = kd_loss(s_logits, t_logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    acc = evaluate(student)
    print(f"epoch {epoch} loss {loss.item():.3f} acc {acc:.4f}")
    if acc > best:
        best = acc
        torch.save(student.state_dict(), "student.pt")
