from torch.utils.data import DataLoader

from data import Rows


def stack(batch):
    return batch


loader = DataLoader(Rows(), batch_size=32, num_workers=4, collate_fn=stack, multiprocessing_context="forkserver")  # <-- dataset-defined-in-main-with-spawn
