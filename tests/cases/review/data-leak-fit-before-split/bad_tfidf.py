import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler

def prepare(texts, labels):
    vectorizer = TfidfVectorizer(max_features=5000)
    features = vectorizer.fit_transform(texts)  # <-- data-leak-fit-before-split
    return train_test_split(features, labels, test_size=0.2)


prepare(texts, labels)
