"""A teacher in no_grad within the training step, KL and cross entropy, validation by cross entropy."""
from setting import *

teacher, student = net(), net()
teacher.eval()
optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
T, alpha = 2.0, 0.5
for epoch in range(2):
    student.train()
    for x, y in train_loader:
        with torch.no_grad():
            soft = teacher(x)
            agreement = F.cross_entropy(soft, y)  # only looked at
        logits = student(x)
        kd = F.kl_div(F.log_softmax(logits / T, 1), F.softmax(soft / T, 1), reduction="batchmean") * T * T
        loss = alpha * F.cross_entropy(logits, y) + (1 - alpha) * kd
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
    student.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in val_loader:
            total += F.cross_entropy(student(x), y, reduction="sum").item()
    expect_validation(total / 40)
expect_epochs(2)
trained(student, teacher)
