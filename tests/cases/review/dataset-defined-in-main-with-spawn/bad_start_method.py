import torch.multiprocessing as mp
from torch.utils.data import DataLoader, Dataset

mp.set_start_method("spawn", force=True)


class Rows(Dataset):
    def __init__(self, path):
        self.rows = open(path).readlines()

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


loader = DataLoader(Rows("a.txt"), batch_size=32, num_workers=4)  # <-- dataset-defined-in-main-with-spawn
