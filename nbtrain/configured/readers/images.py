"""Read a folder of images: one folder per class, in it its images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from nbtrain.config.paths import IMAGES
from nbtrain.configured.readers.samples import bad_data
from nbtrain.configured.shape import DataShape
from nbtrain.extras import require

SUFFIXES = ("",)


class ImageFolder(Dataset):
    """Images read when they are asked for.

    Shapes: (channels, height, width), numbers from 0 to 1; one channel where the first image is grey.

    Attributes:
        labels: the folders' names, by the class's number. shape: what a model must know.
    """

    def __init__(self, files: list[tuple[Path, int]], labels: tuple[str, ...]) -> None:
        self._image = require("PIL.Image", why="to read images")
        self._files, self.labels = files, labels
        with self._image.open(files[0][0]) as first:
            self._mode = "L" if first.mode in ("1", "L", "I", "I;16", "LA") else "RGB"
            self._size = first.size
        width, height = self._size
        channels = 1 if self._mode == "L" else 3
        self.shape = DataShape((channels, height, width), outputs=len(labels), classes=True)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self._files[index]
        with self._image.open(path) as image:
            if image.size != self._size:
                raise bad_data(
                    str(path), f"{self._size[0]} × {self._size[1]} pixels, as the first image has",
                    f"It has {image.size[0]} × {image.size[1]}. Bring the images to one size first.",
                )  # fmt: skip
            pixels = np.array(image.convert(self._mode), dtype=np.float32) / 255
        tensor = torch.from_numpy(pixels)
        return (tensor.unsqueeze(0) if tensor.dim() == 2 else tensor.permute(2, 0, 1).contiguous()), label


def read(path: Path, *, target: str | None, like: Any = None, length: int | None = None) -> ImageFolder:
    """Return the images.

    Args:
        target, length: unused. like: the training data, for its classes.

    Raises:
        InvalidConfig: there are none, or a class that the training data does not have.
    """
    folders = sorted(one for one in path.iterdir() if one.is_dir())
    found = [
        (file, folder.name)
        for folder in folders
        for file in sorted(folder.iterdir())
        if file.name.lower().endswith(IMAGES)
    ]
    if not found:
        raise bad_data(str(path), "a folder of images per class", "There are no images.")
    labels = tuple(dict.fromkeys(name for _, name in found)) if like is None else like.labels
    new = {name for _, name in found} - set(labels)
    if new:
        raise bad_data(
            str(path), f"the classes of the training data ({', '.join(labels)})", f"`{min(new)}` is none."
        )
    return ImageFolder([(file, labels.index(name)) for file, name in found], labels)
