from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        return index


loader = DataLoader(Rows(), batch_size=32)
