import torch


class Engine:
    def __init__(self, model, amp=True):
        self.model = model
        self.amp = amp
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        self.scaler = torch.cuda.amp.GradScaler(enabled=amp)

    def run(self, loader):
        for x, y in loader:
            with torch.cuda.amp.autocast(enabled=self.amp):
                loss = torch.nn.functional.cross_entropy(self.model(x), y)
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad()
