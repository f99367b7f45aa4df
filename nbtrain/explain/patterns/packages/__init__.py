"""Packages that are not installed, or do not fit each other."""

# import name -> what pip calls it, of packages that notebooks on training use. Other names may be the person's own files.
PIP_NAMES = {
    "accelerate": "accelerate", "albumentations": "albumentations", "bitsandbytes": "bitsandbytes", "cv2": "opencv-python",
    "datasets": "datasets", "deepspeed": "deepspeed", "diffusers": "diffusers", "einops": "einops", "evaluate": "evaluate",
    "flash_attn": "flash-attn", "flax": "flax", "huggingface_hub": "huggingface_hub", "ipywidgets": "ipywidgets", "jax": "jax",
    "lightning": "lightning", "matplotlib": "matplotlib", "mlflow": "mlflow", "numpy": "numpy", "onnx": "onnx",
    "onnxruntime": "onnxruntime", "onnxscript": "onnxscript", "optax": "optax", "optuna": "optuna", "pandas": "pandas",
    "peft": "peft", "PIL": "pillow", "plotly": "plotly", "pynvml": "nvidia-ml-py", "pytorch_lightning": "pytorch-lightning",
    "ray": "ray", "safetensors": "safetensors", "scipy": "scipy", "seaborn": "seaborn", "sentencepiece": "sentencepiece",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "tensorboard": "tensorboard", "tensorflow": "tensorflow",
    "timm": "timm", "tokenizers": "tokenizers", "torch": "torch", "torchaudio": "torchaudio", "torchdata": "torchdata",
    "torchmetrics": "torchmetrics", "torchtext": "torchtext", "torchvision": "torchvision", "tqdm": "tqdm",
    "transformers": "transformers", "triton": "triton", "trl": "trl", "wandb": "wandb", "xformers": "xformers",
    "yaml": "pyyaml", "zarr": "zarr",
    "av": "av", "catboost": "catboost", "decord": "decord", "dgl": "dgl", "faiss": "faiss-cpu", "gradio": "gradio",
    "gymnasium": "gymnasium", "h5py": "h5py", "imageio": "imageio", "jaxlib": "jaxlib", "keras": "keras", "kornia": "kornia",
    "librosa": "librosa", "lightgbm": "lightgbm", "monai": "monai", "nltk": "nltk", "pyarrow": "pyarrow",
    "pycocotools": "pycocotools", "sacrebleu": "sacrebleu", "segmentation_models_pytorch": "segmentation-models-pytorch",
    "sentence_transformers": "sentence-transformers", "soundfile": "soundfile", "spacy": "spacy",
    "stable_baselines3": "stable-baselines3", "tensorboardX": "tensorboardX", "tiktoken": "tiktoken",
    "torch_geometric": "torch-geometric", "torchinfo": "torchinfo", "ultralytics": "ultralytics", "xgboost": "xgboost",
}  # fmt: skip
