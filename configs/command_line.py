"""The one place that reads flags: parsing, recipes, help, exit codes and signals of every program."""

import math
import os
import re
import sys
import types
import unicodedata
import warnings

from absl import flags as absl_flags

from base import program_log, tensorflow_log
from base.errors import DataError, ProgramError, UsageError, complain, one_line
from configs import about, recipe_files, remote_places, streams
from configs.flag_table import FLAGS, GROUPS
from configs.signals import INTERRUPTED, Signals

TRAINING_GROUPS = (
    "codec",
    "training",
    "augmentation",
    "data_dir",
    "model_dir",
    "data_format",
    "decode",
)

# The flags that name single files: what a program reads, and what it writes.
_READ = ("prediction", "predictions", "scores", "against", "ground_truth", "test_csv", "schema", "labels")
_WRITTEN = ("output", "scores_output", "json", "plot", "interface")

_BROKEN_PIPE = 141


def run(main, doc, flags, required=(), defaults=None, subcommands=(), argv=None, streamed=(), written=()):
    """Parses the command line, calls `main` with its flags, and ends the process with the right exit code.

    Args:
        main: the program, called with a namespace of its flags. Its `given` is the set of the flags that the command
            line or a recipe named, its `typed` of those on the command line itself; its `subcommand` the first word
            where the program has subcommands.
        doc: the program's docstring, printed by `--help`.
        flags: names of flags, or of groups of them, in `configs/flag_table.py`.
        required: flags without which there is nothing to do.
        defaults: {flag: default} where this program's differs from the table's.
        subcommands: the words of which the first argument must be one.
        argv: the command line with the program's name first; `sys.argv` when not given.
        streamed, written: names of flags, see `remote_places.Session`.

    Exit codes: 0 done; 1 data, model or machine wrong; 2 command line wrong; 130 Ctrl-C; 141 the reader of the output
    left, as `head` does; 143 SIGTERM.
    """
    argv = list(sys.argv if argv is None else argv)
    program = os.path.basename(argv[0])
    signals = Signals()
    streams.open_closed()
    if sys.stdout.errors == "strict":  # a file's name, or a sign that the terminal has not, must not end the work
        sys.stdout.reconfigure(errors="backslashreplace")

    def work():
        answer = about.answer(argv, doc, _names(flags), required, defaults or {}, subcommands)
        if answer is not None:
            print(answer)
        else:
            _check_working_folder()
            values = parse(argv, flags, required, defaults, subcommands)
            tensorflow_log.prepare(values.verbosity)
            program_log.show()
            _silence_pillow()
            signals.handle()
            session.run(main, values)
        sys.stdout.flush()

    with remote_places.Session(streamed, written) as session:
        code = _exit_code(program, work, signals)
    sys.exit(code)


def _exit_code(program, work, signals):
    """Calls `work`, and returns the exit code of how it ended, which is told on stderr."""
    try:
        work()
        return 0
    except ProgramError as error:
        complain(program, *error.lines())
        return error.exit_code
    except KeyboardInterrupt:
        complain(program, "interrupted")
        return INTERRUPTED
    except OSError as error:
        if isinstance(error, BrokenPipeError) and streams.drop_abandoned():
            return _BROKEN_PIPE  # not 0: a training may have been cut
        complain(program, one_line(f"{error.filename or 'the machine'}: {error.strerror or error}"))
        return 1
    except Exception:
        if signals.exit_code is None:
            raise
        return signals.exit_code  # TensorFlow's C++ code makes an error of its own of an exception in a callback


def _check_working_folder():
    try:
        os.getcwd()
    except FileNotFoundError as error:  # its name is known to the shell alone
        name = os.environ.get("PWD", "the working folder")
        raise DataError(name, None, "is no folder any more: expected a working folder that is there") from error


def warn(line):
    """Prints a line that does not stop the program, as errors are printed."""
    print(f"{os.path.basename(sys.argv[0])}: warning: {one_line(line)}", file=sys.stderr)


def parse(argv, flags, required=(), defaults=None, subcommands=()):
    """Returns the namespace of flags for a command line.

    A flag that only other programs have is passed over in a recipe and refused on the command line; a flag that no
    program has is refused everywhere. The later of two values wins.

    Raises:
        UsageError: an unknown flag, a value out of bounds, a required flag missing, a stray word.
    """
    own = _names(flags)
    values = _define_all(defaults or {})
    argv = list(argv)
    subcommand = None
    if subcommands:
        if len(argv) < 2 or argv[1] not in subcommands:
            raise UsageError(f"the first word must be one of {', '.join(subcommands)}")
        subcommand = argv.pop(1)
    try:
        words = recipe_files.expanded(argv[1:])
        if any(re.match("--?undefok(=|$)", word) for word in words):  # absl's own: flags that may be unknown
            raise UsageError("Unknown command line flag 'undefok'")
        rest = values([argv[0], *words])
    except absl_flags.Error as error:
        raise UsageError(str(error).replace("ERROR:: ", "")) from error
    if len(rest) > 1:
        raise UsageError(f"{rest[1]}: a stray word; flags are written --name=value")
    _refuse_foreign(argv[1:], values, own)
    for name in required:
        if values[name].value in (None, "", []):
            raise UsageError(f"--{name} is required")
    _check_characters(values, own)
    _check_repeats(values, own)
    _check_finite(values, own)
    _check_places(values, own)
    given = frozenset(name for name in own if values[name].present)
    typed = frozenset(_flag_names(argv[1:], values))
    return types.SimpleNamespace(
        given=given, typed=typed, subcommand=subcommand, **{name: values[name].value for name in sorted(own)}
    )


def _names(flags):
    names = {flag.name for flag in GROUPS["common"]}
    for entry in flags:
        names |= {flag.name for flag in GROUPS[entry]} if entry in GROUPS else {entry}
    unknown = names - set(FLAGS)
    if unknown:
        raise KeyError(f"not in the flag table: {sorted(unknown)}")
    return names


def _define_all(defaults):
    """Returns absl flag values that hold every flag of every program, so that a recipe may name any."""
    values = absl_flags.FlagValues()
    define = {
        "str": absl_flags.DEFINE_string,
        "int": absl_flags.DEFINE_integer,
        "float": absl_flags.DEFINE_float,
        "bool": absl_flags.DEFINE_boolean,
        "strings": absl_flags.DEFINE_list,
        "ints": absl_flags.DEFINE_list,
        "floats": absl_flags.DEFINE_list,
    }
    for flag in FLAGS.values():
        default = defaults.get(flag.name, flag.default)
        if flag.kind == "str" and flag.choices:
            absl_flags.DEFINE_enum(flag.name, default, flag.choices, flag.help, flag_values=values)
        elif flag.kind in ("ints", "floats", "strings"):
            absl_flags.DEFINE(
                _ListParser(flag), flag.name, default, flag.help, values, absl_flags.CsvListSerializer(",")
            )
        elif flag.kind in ("int", "float"):
            define[flag.kind](
                flag.name, default, flag.help, lower_bound=flag.low, upper_bound=flag.high, flag_values=values
            )
        else:
            define[flag.kind](flag.name, default, flag.help, flag_values=values)
        for alias in flag.aliases:
            absl_flags.DEFINE_alias(alias, flag.name, flag_values=values)
    return values


class _ListParser(absl_flags.ListParser):
    """Lists separated by commas, each item of the flag's kind, within its bounds and choices."""

    def __init__(self, flag):
        super().__init__()
        self._flag = flag
        self._convert = {"strings": str, "ints": int, "floats": float}[flag.kind]

    def parse(self, argument):
        items = argument if isinstance(argument, (list, tuple)) else super().parse(argument)
        return [self._item(item) for item in items]

    def _item(self, item):
        flag = self._flag
        try:
            value = self._convert(item)
        except ValueError:
            raise ValueError(f"{item!r} is not a number") from None
        if flag.choices and value not in flag.choices:
            raise ValueError(f"{item!r} is not one of {', '.join(flag.choices)}")
        if (flag.low is not None and not value >= flag.low) or (flag.high is not None and not value <= flag.high):
            raise ValueError(f"{item} is not between {flag.low} and {flag.high}")
        return value


def _flag_names(words, values):
    """Yields the names of the table's flags that the words of a command line set."""
    for word in words:
        if word.startswith("-") and word.strip("-"):
            name = word.lstrip("-").split("=")[0]
            name = name if name in values else name[2:]
            name = next((flag.name for flag in FLAGS.values() if name in flag.aliases), name)
            if name in FLAGS:
                yield name


def _refuse_foreign(words, values, own):
    for name in _flag_names(words, values):
        if name not in own:
            raise UsageError(f"--{name} is a flag of other programs: see --help for those of this one")


def _check_characters(values, own):
    for name in own:
        value = values[name].value
        if any("\0" in item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)):
            raise UsageError(f"--{name} has a NUL: expected text")


def _check_repeats(values, own):
    for name in own:
        value = values[name].value
        if FLAGS[name].choices and isinstance(value, list) and len(set(value)) < len(value):
            raise UsageError(f"--{name}={','.join(value)} names one of them twice")


def _check_finite(values, own):
    for name in own:
        value = values[name].value
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, float) and not math.isfinite(item):
                raise UsageError(f"--{name}={item}: expected a finite number")


def _check_places(values, own):
    """Refuses an output in the place of a file that the same program reads or writes.

    Names that differ by Unicode's normalisation only (an ä as one sign or as two) are the same here, as they are to
    those who read them, and to macOS; where the system tells them apart, files that are there stay what they are.
    """
    taken = {}
    for name in (*_READ, *_WRITTEN):
        value = values[name].value if name in own else None
        for path in value if isinstance(value, list) else [value] if value else []:
            if name == "schema" and not path.endswith(".toml"):
                continue  # a name, not a file
            place = unicodedata.normalize("NFC", os.path.realpath(path))
            if name in _WRITTEN and place in taken:
                raise UsageError(f"--{name}={path} is the file of --{taken[place]}, too: expected another")
            taken.setdefault(place, name)


def _silence_pillow():
    """Keeps Pillow's warnings off stderr: of odd tags, which are harmless, and of large images, which we refuse."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    warnings.filterwarnings("ignore", "Image size .* exceeds limit", RuntimeWarning)
