"""Writes the scenario files of the tests: the challenge's shape, two or three experiences. Run in this folder with numpy 2."""
import pickle

import numpy as np

LABELLED = [[7, 2], [70000, 1, 300]]
UNLABELLED = [[3, 4, 5, 6], [0]]

# For made-up images of five classes, image i of class i mod 5; class 4 is a distractor, class 0 comes twice.
TOY_LABELLED = [[0, 5, 1, 6], [10, 15, 2, 7], [3, 8]]
TOY_UNLABELLED = [[4, 9, 12, 17, 11, 16, 20, 21], [4, 14, 20, 25, 13, 18, 11, 22], [24, 29, 13, 18, 23, 28, 25, 30]]


def toy():
    def table(images):
        return np.array([[int(c in {i % 5 for i in row}) for c in range(5)] for row in images], np.int32)

    return {
        "num_classes": 5,
        "scenario_table": table(TOY_LABELLED),
        "unlabeled_scenario_table": table(TOY_UNLABELLED),
        "img_indices_per_exp": TOY_LABELLED,
        "unlabelled_indices_per_exp": TOY_UNLABELLED,
    }


def scenario(images, kind=np.int32):
    return {
        "num_classes": 3,
        "scenario_table": np.array([[1, 0, 0], [1, 1, 0]], kind),
        "unlabeled_scenario_table": np.array([[1, 0, 1], [0, 1, 0]], kind),
        "imgs_labelled_per_exp": np.array([2, 3], kind),
        "imgs_unlabelled_per_exp": np.array([4, 1], kind),
        "img_indices_per_exp": [images(x) for x in LABELLED],
        "unlabelled_indices_per_exp": [images(x) for x in UNLABELLED],
    }


def write(name, protocol, *args):
    data = pickle.dumps(scenario(*args), protocol)
    if name.startswith("numpy1"):
        # numpy 1 knows the same module by its old name, one character shorter.
        data = data.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
        frame = int.from_bytes(data[3:11], "little") - 1
        data = data[:3] + frame.to_bytes(8, "little") + data[11:]
    with open(f"scenario-{name}.pkl", "wb") as file:
        file.write(data)


def scalars(values):
    return [np.int32(x) for x in values]


write("numpy1-protocol4", 4, scalars)
write("numpy2-protocol4", 4, scalars)
write("numpy2-protocol5", 5, scalars)
write("lists-of-int", 4, list)
write("arrays-int64-big-endian", 4, lambda values: np.array(values, ">i8"), ">i8")

with open("scenario-toy.pkl", "wb") as file:
    pickle.dump(toy(), file, 4)
