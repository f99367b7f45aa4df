from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        return index


if __name__ == "__main__":
    loader = DataLoader(Rows(), batch_size=32, num_workers=4, multiprocessing_context="spawn")
