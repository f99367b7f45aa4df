import pandas as pd
import torch
from sklearn.preprocessing import StandardScaler

table = pd.read_csv("rows.csv")
numbers = ["age", "size"]
table[numbers] = StandardScaler().fit_transform(table[numbers])  # <-- data-leak-fit-before-split
cut = int(len(table) * 0.8)
train, test = table.iloc[:cut], table.iloc[cut:]
x_train, x_test = torch.tensor(train.values), torch.tensor(test.values)
