"""Says as JSON where the weights of a Keras `.h5` file lie in it: run as a program of its own, `hdf5_layout.py FILE`.

The HDF5 library does not return from some damaged files, and was not made for hostile ones; so it runs apart, within
bounds of time and memory, and reads no number: what a dataset's bytes are it may take from any other file.
"""

import json
import sys

MOST_NAMES = 10_000
MOST_SECONDS = 8  # of the processor
MOST_MEMORY = 1 << 29  # bytes of addresses; the libraries by themselves take a fifth


def describe(path):
    """Returns {layer: [[dtype, offset in bytes, shape], …]}, the layers' weights in their order.

    Raises:
      Exception: what the library, or a check here, has against the file.
    """
    import h5py

    with h5py.File(path, "r") as file:
        root = _find(file, "model_weights", h5py.Group) if "model_weights" in file else file
        layers = {name: _find(root, name, h5py.Group) for name in _names(root, "layer_names")}
        names = {name: _names(layer, "weight_names") for name, layer in layers.items()}
        if sum(map(len, names.values())) > MOST_NAMES:
            raise ValueError(f"expected at most {MOST_NAMES} weights")
        return {
            layer: [_place(_find(layers[layer], name, h5py.Dataset)) for name in of_layer]
            for layer, of_layer in names.items()
            if of_layer
        }


def _names(group, attribute):
    """Returns the names in an attribute of a group; Keras writes numbers where there are none."""
    value = group.attrs.get_id(attribute)
    if len(value.shape) != 1 or value.shape[0] > MOST_NAMES:
        raise ValueError(f"{attribute}: expected a list of at most {MOST_NAMES} names")
    if value.shape[0] == 0:
        return []
    names = [name.decode() if isinstance(name, bytes) else name for name in group.attrs[attribute]]
    if not all(isinstance(name, str) and len(name) <= 200 for name in names):
        raise ValueError(f"{attribute}: expected names of at most 200 characters")
    return names


def _find(group, name, kind):
    """Returns what has a name below a group, in this very file: no link to a name, or to another file, is followed."""
    import h5py

    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or part in ("", "."):
            raise ValueError(f"{name}: expected the name of a {kind.__name__.lower()}")
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{name}: expected a hard link, got another")
        group = group[part]
    if not isinstance(group, kind):
        raise ValueError(f"{name}: expected a {kind.__name__.lower()}, got another object")
    return group


def _place(dataset):
    """Returns [dtype, offset in bytes, shape] of a dataset that lies in one piece within the file."""
    from h5py import h5d, h5t

    dtypes = {"<f2": h5t.IEEE_F16LE, "<f4": h5t.IEEE_F32LE, "<f8": h5t.IEEE_F64LE}
    dtypes.update({">f2": h5t.IEEE_F16BE, ">f4": h5t.IEEE_F32BE, ">f8": h5t.IEEE_F64BE})
    dtype = next((name for name, kind in dtypes.items() if dataset.id.get_type().equal(kind)), None)
    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5d.CONTIGUOUS or properties.get_external_count() or properties.get_nfilters():
        raise ValueError(f"{dataset.name}: expected numbers in one piece within the file, got another layout")
    if dtype is None:
        raise ValueError(f"{dataset.name}: expected floating numbers, got {dataset.dtype}")
    offset = dataset.id.get_offset()
    if offset is None and dataset.size:
        raise ValueError(f"{dataset.name}: its numbers were never written")
    return [dtype, offset or 0, list(dataset.shape)]


def _limit():
    try:
        import resource
    except ImportError:  # a system without such bounds
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))


def main(path):
    """Prints {"layers": what `describe` returns} or {"error": its text}."""
    _limit()
    try:
        answer = {"layers": describe(path)}
    except Exception as error:
        answer = {"error": str(error) or type(error).__name__}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
