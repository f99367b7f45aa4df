import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler

X = np.load("x.npy")
X = (X - X.mean(axis=0)) / X.std(axis=0)  # <-- data-leak-fit-before-split
X_train, X_test = train_test_split(X, test_size=0.2)
