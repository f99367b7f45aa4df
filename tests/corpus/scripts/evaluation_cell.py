# evaluate the trained checkpoint on the test split
model.load_state_dict(torch.load("best.pt", map_location=device, weights_only=True))
model.eval()
all_preds, all_targets, losses = [], [], []
criterion = nn.CrossEntropyLoss(reduction="sum")
with torch.no_grad():
    for images, labels in tqdm(test_loader):
        images, labels = images.to(device), labels.to(device)
        logits = model(images)
        losses.append(criterion(logits, labels).item())
        all_preds.append(logits.softmax(dim=1).argmax(dim=1).cpu())
        all_targets.append(labels.cpu())
preds = torch.cat(all_preds)
targets = torch.cat(all_targets)
print("loss", sum(losses) / len(targets), "accuracy", (preds == targets).float().mean().item())

from sklearn.metrics import classification_report, confusion_matrix

print(classification_report(targets, preds))
fig, ax = plt.subplots(figsize=(8, 8))
ax.imshow(confusion_matrix(targets, preds))
plt.show()
