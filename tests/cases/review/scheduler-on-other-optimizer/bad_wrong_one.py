import torch
from torch import nn
import torch.nn.functional as F

teacher, student = nn.Linear(8, 3), nn.Linear(8, 3)
teacher_opt = torch.optim.AdamW(teacher.parameters(), lr=1e-3)
student_opt = torch.optim.AdamW(student.parameters(), lr=1e-3)
student_sched = torch.optim.lr_scheduler.CosineAnnealingLR(teacher_opt, T_max=10)  # <-- scheduler-on-other-optimizer
for epoch in range(10):
    for x, y in train_loader:
        student_opt.zero_grad()
        F.cross_entropy(student(x), y).backward()
        student_opt.step()
    student_sched.step()
