import pandas as pd, torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
df = pd.read_csv("houses.csv")
target = torch.log(torch.tensor(df.pop("price").values)).float().unsqueeze(1)
numeric = df.select_dtypes("number")
features = SimpleImputer(strategy="median").fit_transform(numeric)
features = (features - features.mean(axis=0)) / features.std(axis=0)
X = torch.tensor(features).float()
X_tr, X_te, y_tr, y_te = train_test_split(X, target, test_size=0.2, random_state=1)
net = nn.Sequential(nn.Linear(X.shape[1], 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
mse = nn.MSELoss()
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X_tr, y_tr), batch_size=64, shuffle=True)
for epoch in range(25):
    for xb, yb in loader:
        opt.zero_grad()
        loss = mse(net(xb), yb)
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, mse(net(X_tr), y_tr).item() ** 0.5)
with torch.no_grad():
    print("test rmse", mse(net(X_te), y_te).item() ** 0.5)
torch.save(net.state_dict(), "houses.pt")
