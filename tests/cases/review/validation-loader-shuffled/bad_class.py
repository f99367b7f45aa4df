from torch.utils.data import DataLoader


class Trainer:
    def __init__(self, train_set, test_set):
        self.train_loader = DataLoader(train_set, 64, True)
        self.test_loader = DataLoader(test_set, 64, True)  # <-- validation-loader-shuffled
