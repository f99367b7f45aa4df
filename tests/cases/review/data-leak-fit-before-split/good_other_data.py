import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler

vectorizer = TfidfVectorizer().fit(wikipedia)
train_texts, test_texts = train_test_split(texts)
X_train, X_test = vectorizer.transform(train_texts), vectorizer.transform(test_texts)
