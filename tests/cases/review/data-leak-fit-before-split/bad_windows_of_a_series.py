import numpy as np
import torch

values = np.loadtxt("series.csv")
scaled = (values - values.mean()) / values.std()  # <-- data-leak-fit-before-split
cut, history = int(0.8 * len(values)), 24
train, test = scaled[:cut], scaled[cut - history :]
x_train, x_test = torch.tensor(train), torch.tensor(test)
