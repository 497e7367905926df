"""CPython's loaders with `find_class` taken over: they tell which globals a pickle asks for, and get none of them.

`find_class` is the only door from a pickle to code: GLOBAL, STACK_GLOBAL, INST and the extension registry all go through it.
Here it notes the name and answers with a stand-in that accepts everything and does nothing. Should CPython's own
`find_class` ever be reached, its audit event ends the process before it imports.

Several loaders, because they read the same bytes differently: the one in C and the one in Python, files with and without
`peek` and `readinto` (which change what the one in C makes of frames), and encodings of Python 2 strings.
"""

import contextlib
import copyreg
import io
import os
import pickle
import sys
import warnings

# A case may hold more streams than this; the loaders stop there.
STREAMS = 4


def _guard(event, arguments):
    if event == "pickle.find_class":
        os.write(_STDERR, f"differential: CPython's find_class was reached: {arguments!r}\n".encode())
        os._exit(3)


_STDERR = os.dup(2)
_NOWHERE = os.open(os.devnull, os.O_WRONLY)
sys.addaudithook(_guard)
# Invalid escapes in STRING opcodes.
warnings.simplefilter("ignore")


class _Permissive(type):
    """What is done to a class stand-in as if it were an instance."""

    def __setitem__(cls, key, value):
        pass


class StandIn(metaclass=_Permissive):
    """Class, function and instance at once: can be called, built, filled and hashed, and nothing happens."""

    def __new__(cls, *arguments, **keywords):
        return object.__new__(cls)

    def __init__(self, *arguments, **keywords):
        pass

    def __call__(self, *arguments, **keywords):
        return self

    def __setitem__(self, key, value):
        pass

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self is other

    # Static, so that BUILD and APPENDS work on the class as well: a function, which it may stand for, takes a state.
    @staticmethod
    def _accept(*arguments):
        pass

    __setstate__ = append = extend = add = _accept


def _add_extension(module, name, code):
    """`copyreg.add_extension` for real: a table of names that EXT1, EXT2 and EXT4 look up, and that `asked` empties again."""
    copyreg.add_extension(module, name, code)


def _recording(base):
    class Recorder(base):
        def find_class(self, module, name):
            if type(module) is not str or type(name) is not str:
                # Out of the extension registry in the loader in Python; the real one imports nothing for bytes, either.
                raise TypeError("names are text")
            self.seen.add(f"{module}.{name}")
            if name == "add_extension" and module in ("copyreg", "copy_reg"):
                return _add_extension
            return StandIn

        def persistent_load(self, identifier):
            return StandIn()

    return Recorder


_C = _recording(pickle.Unpickler)
_PYTHON = _recording(pickle._Unpickler)


class _Bare:
    """A file without `peek` and `readinto`."""

    def __init__(self, data):
        file = io.BytesIO(data)
        self.read, self.readline, self.tell = file.read, file.readline, file.tell


def _buffered(data):
    """A file with `peek`, as `open` returns it."""
    return io.BufferedReader(io.BytesIO(data))


@contextlib.contextmanager
def quiet():
    """Standard error is shut: CPython writes there about a bytearray that a broken pickle makes it drop while it is lent out."""
    os.dup2(_NOWHERE, 2)
    try:
        yield
    finally:
        os.dup2(_STDERR, 2)


# What a disagreement calls it, loader, file, encoding of Python 2 strings.
LOADERS = [
    ("C, ASCII", _C, io.BytesIO, "ASCII"),
    ("C, latin1", _C, io.BytesIO, "latin1"),
    ("C, bytes", _C, io.BytesIO, "bytes"),
    ("C, utf-8, file with peek", _C, _buffered, "utf-8"),
    ("C, latin1, file without readinto", _C, _Bare, "latin1"),
    ("Python, ASCII", _PYTHON, io.BytesIO, "ASCII"),
    ("Python, latin1", _PYTHON, io.BytesIO, "latin1"),
    ("Python, bytes, file without readinto", _PYTHON, _Bare, "bytes"),
]


def asked(loader, file, encoding, data):
    """What a loader asks `find_class` for, over the streams of a file, until it is stopped by an error.

    Gives a dict from each name, `module.name`, to the offset of the first stream that asks for it.
    """
    names, opened = {}, file(data)
    try:
        for _ in range(STREAMS):
            start = opened.tell()
            # A loader for each stream, as `pickle.load` makes it: the memo is gone.
            unpickler = loader(opened, encoding=encoding, buffers=iter([b"buffer"] * 8))
            unpickler.seen = set()
            try:
                unpickler.load()
            finally:
                for name in unpickler.seen:
                    names.setdefault(name, start)
    except Exception:  # Any: a broken pickle raises whatever its opcodes lead to.
        pass
    finally:
        for table in (copyreg._extension_registry, copyreg._inverted_registry, copyreg._extension_cache):
            table.clear()
    return names
