"""A machine for the pickles that PyTorch writes, which calls nothing but the functions that it is given.

Python's own Unpickler can be kept from calling others, but not from memory and time: a few bytes make it take gigabytes
for its memo, copy a list a million times, or hash a tuple of tuples for ever. PyTorch has such a machine, too
(`torch/_weights_only_unpickler.py`). Here a value takes at least a byte of the pickle, whose size is bounded.
"""

import pickletools

MOST_BYTES = 1 << 21  # a ResNet-152's pickle has 170 kB, with an optimizer's state three times that
_MOST_OPCODES = 300_000  # and 20 000 opcodes: a second or two

_INTEGERS = {"BININT", "BININT1", "BININT2", "LONG1"}
_STRINGS = {"BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES"}
_CONSTANTS = {*_INTEGERS, *_STRINGS, "BINFLOAT"}
_SINGLETONS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def load(file, functions, persistent):
    """Runs one pickle.

    Args:
      file: an io.BytesIO of at most MOST_BYTES; it is left behind the pickle's end.
      functions: {(module, name): value}: what the pickle may name; what is callable of it, it may call.
      persistent: a function(persistent id), called for what the pickle refers to outside of it.

    Returns:
      What the pickle describes: dicts with keys that are strings or whole numbers, lists, tuples, strings, numbers, and
      what the functions return.

    Raises:
      ValueError, TypeError, IndexError, KeyError: it is no such pickle.
    """
    machine = _Machine(functions, persistent)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if count > _MOST_OPCODES:
            raise ValueError(f"it has more than {_MOST_OPCODES} opcodes")
        if opcode.name == "STOP":
            return machine.pop()
        machine.run(opcode.name, argument)
    raise ValueError("it has no end")


class _Machine:
    def __init__(self, functions, persistent):
        self._functions, self._persistent = functions, persistent
        self._stack, self._marks, self._memo = [], [], {}
        self._copies = MOST_BYTES  # items that calls may still copy

    def run(self, name, argument):
        if name in _CONSTANTS:
            self._stack.append(argument)
        elif name in _SINGLETONS:
            self._stack.append(_SINGLETONS[name])
        elif name in _EMPTY:
            self._stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            self._stack.append(tuple(reversed([self.pop() for _ in range(_TUPLES[name])])))
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if argument is None else argument] = self._stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif name not in ("PROTO", "FRAME"):
            handler = getattr(self, f"_{name.lower()}", None)
            if handler is None:
                raise ValueError(f"it has the opcode {name}, which no tensor needs")
            handler(argument)

    def pop(self):
        if self._marks and len(self._stack) <= self._marks[-1]:
            raise ValueError("it takes from below a mark")
        return self._stack.pop()

    def _pop_mark(self):
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _mark(self, _):
        self._marks.append(len(self._stack))

    def _tuple(self, _):
        self._stack.append(tuple(self._pop_mark()))

    def _append(self, _):
        self._extend([self.pop()])

    def _appends(self, _):
        self._extend(self._pop_mark())

    def _extend(self, items):
        if type(self._stack[-1]) is not list:
            raise TypeError("it appends to what is no list")
        self._stack[-1].extend(items)

    def _setitem(self, _):
        value, key = self.pop(), self.pop()
        self._update([key], [value])

    def _setitems(self, _):
        items = self._pop_mark()
        self._update(items[::2], items[1::2])

    def _update(self, keys, values):
        if type(self._stack[-1]) is not dict or len(keys) != len(values):
            raise TypeError("it sets items of what is no dict")
        check_keys(keys)
        self._stack[-1].update(zip(keys, values))

    def _global(self, argument):
        self._find(*argument.split(" ", 1))

    def _stack_global(self, _):
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError("it names a function by what is no name")
        self._find(module, name)

    def _find(self, module, name):
        if (module, name) not in self._functions:
            raise ValueError(f"it asks for {module}.{name}, which no tensor needs")
        self._stack.append(self._functions[module, name])

    def _reduce(self, _):
        arguments, function = self.pop(), self.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise TypeError("it calls what is no function")
        self._copies -= sum(len(value) for value in arguments if isinstance(value, (list, tuple, dict)))
        if self._copies < 0:
            raise ValueError("it copies more than it has")
        self._stack.append(function(*arguments))

    def _build(self, _):
        """Passes over an object's attributes, such as the versions that a state dict notes of its layers."""
        self.pop()

    def _binpersid(self, _):
        self._stack.append(self._persistent(self.pop()))


def check_keys(keys):
    """Raises TypeError where a key is no string or number: the hash of tuples in tuples can take for ever."""
    if not all(type(key) in (str, int) for key in keys):
        raise TypeError("expected keys that are strings or whole numbers, got another")
