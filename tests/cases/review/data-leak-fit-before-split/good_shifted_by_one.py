import numpy as np
import torch

values = np.loadtxt("series.csv")
scaled = (values - values.mean()) / values.std()
lag = 1
past, future = scaled[:-lag], scaled[lag:]
x, y = torch.tensor(past), torch.tensor(future)
