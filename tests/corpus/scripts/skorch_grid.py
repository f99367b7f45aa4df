import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping
from torch import nn

torch.manual_seed(0)
X, y = make_classification(4000, 20, n_informative=10, random_state=0)
X, y = X.astype(np.float32), y.astype(np.int64)


class MLP(nn.Module):
    def __init__(self, hidden=64, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(20, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 2))

    def forward(self, x):
        return self.layers(x)


net = NeuralNetClassifier(
    MLP, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=1e-3, batch_size=128, max_epochs=30,
    callbacks=[EarlyStopping(patience=5)], device="cuda" if torch.cuda.is_available() else "cpu",
)
pipe = Pipeline([("scale", StandardScaler()), ("net", net)])
search = GridSearchCV(pipe, {"net__lr": [1e-3, 3e-4], "net__module__hidden": [64, 128]}, cv=3, scoring="accuracy")
search.fit(X, y)
print(search.best_params_, search.best_score_)
search.best_estimator_.named_steps["net"].save_params(f_params="mlp.pkl")
