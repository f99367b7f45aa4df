from torch.utils.data import DataLoader

val_loader = DataLoader(val_data, batch_size=64, shuffle=False)
