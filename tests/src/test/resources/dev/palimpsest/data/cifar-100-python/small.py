"""Writes CIFAR-100's Python version with three images. Run in this folder with numpy 2."""
import pickle

import numpy as np


def write(name, labels):
    data = np.zeros((len(labels), 3072), np.uint8)
    data[0, 1024 + 5] = 3
    data[-1, 2048 + 31 * 32 + 30] = 250
    content = {b"filenames": [b"x.png"] * len(labels), b"fine_labels": labels, b"data": data}
    with open(name, "wb") as file:
        pickle.dump(content, file, 2)


write("train", [99, 7])
write("test", [42])
with open("meta", "wb") as file:
    pickle.dump({b"fine_label_names": [b"class %d" % c for c in range(100)]}, file, 2)
