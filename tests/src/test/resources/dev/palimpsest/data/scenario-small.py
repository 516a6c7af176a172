"""Writes the scenario files of ScenarioFileTest: the challenge's shape, two experiences. Run in this folder with numpy 2."""
import pickle

import numpy as np

LABELLED = [[7, 2], [70000, 1, 300]]
UNLABELLED = [[3, 4, 5, 6], [0]]


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
