"""Modules: what tests may import, and which names of it; none of them leads to the process that runs the tests."""

MODULES: dict[str, tuple[str, ...]] = {
    "bisect": (), "cmath": (), "collections.abc": (), "copy": ("copy", "deepcopy"), "datetime": (), "decimal": (),
    "fractions": ("Fraction",), "heapq": (), "itertools": (), "json": ("dumps", "loads"), "math": (),
    "numbers": ("Complex", "Integral", "Number", "Rational", "Real"),
    "collections": ("ChainMap", "Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"),
    "contextlib": ("nullcontext", "redirect_stdout", "suppress"),
    "functools": ("cache", "cmp_to_key", "lru_cache", "partial", "reduce"),
    "io": ("BytesIO", "StringIO"),
    "pytest": ("raises",),
    "random": ("Random", "choice", "choices", "randint", "random", "randrange", "sample", "seed", "shuffle", "uniform"),
    "re": ("compile", "escape", "findall", "finditer", "fullmatch", "match", "search", "split", "sub", "I", "M", "S",
           "IGNORECASE", "MULTILINE", "DOTALL"),
    "statistics": ("fmean", "mean", "median", "mode", "pstdev", "pvariance", "stdev", "variance"),
    "string": ("ascii_letters", "ascii_lowercase", "ascii_uppercase", "capwords", "digits", "hexdigits", "octdigits",
               "printable", "punctuation", "whitespace"),
    "textwrap": ("dedent", "fill", "indent", "shorten", "wrap"),
    "time": ("monotonic", "perf_counter", "sleep", "time"),
    "operator": ("add", "and_", "contains", "eq", "floordiv", "ge", "getitem", "gt", "itemgetter", "le", "lt", "mod",
                 "mul", "ne", "neg", "not_", "or_", "pow", "sub", "truediv", "xor"),
    "typing": ("Any", "Callable", "Dict", "Iterable", "Iterator", "List", "Mapping", "Optional", "Sequence", "Set",
               "Tuple", "Union"),
}  # fmt: skip
"""By module, the names that tests may use; none listed: all public ones. `pytest` is a stand-in of our own."""

BUILTINS = frozenset([
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "BufferError", "EOFError", "Ellipsis",
    "Exception", "False", "FileNotFoundError", "FloatingPointError", "GeneratorExit", "ImportError", "IndexError",
    "IOError", "KeyError", "KeyboardInterrupt", "LookupError", "MemoryError", "ModuleNotFoundError", "NameError",
    "None", "NotImplemented", "NotImplementedError", "OSError", "OverflowError", "PermissionError", "RecursionError",
    "ReferenceError", "RuntimeError", "StopIteration", "SyntaxError", "SystemExit", "TimeoutError", "True",
    "TypeError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError", "ValueError",
    "ZeroDivisionError", "abs", "all", "any", "ascii", "bin", "bool", "bytearray", "bytes", "callable", "chr",
    "complex", "dict", "divmod", "enumerate", "filter", "float", "format", "frozenset", "hasattr", "hash", "hex",
    "id", "int", "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow",
    "print", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip",
])  # fmt: skip
"""Builtins that tests may use."""
