"""What a program says of itself instead of running: `--help` and `--version`."""

import os
import textwrap

from base.version import VERSION
from configs.flag_table import FLAGS

_HELP = ("--help", "-help", "-h", "--helpshort", "--helpfull")
_VERSION = ("--version", "-version")


def answer(argv, doc, names, required, defaults, subcommands):
    """Returns the text that a command line asks for; None where it wants the program to run.

    Args:
        argv: the command line with the program's name first.
        doc: the program's docstring.
        names: of the program's flags.
        required: flags without which there is nothing to do.
        defaults: {flag: default} where this program's differs from the table's.
        subcommands: the words of which the first argument must be one.
    """
    if any(word in _HELP for word in argv[1:]):
        return _help_text(os.path.basename(argv[0]), doc, names, required, defaults, subcommands)
    return VERSION if any(word in _VERSION for word in argv[1:]) else None


def _help_text(program, doc, names, required, defaults, subcommands):
    usage = f"usage: {program} {'{' + ','.join(subcommands) + '} ' if subcommands else ''}"
    usage += " ".join(f"--{name}=…" for name in required) + " [--flag=value …] [--flagfile=configs/<recipe>.cfg]"
    lines = [doc.strip(), "", usage, f"       {program} --help | --version", ""]
    for flag in FLAGS.values():
        if flag.name in names:
            lines.append(f"  --{flag.name}{_help_value(flag, required, defaults)}")
            choices = f" One of: {', '.join(flag.choices)}." if flag.choices else ""
            lines += textwrap.wrap(flag.help + choices, 110, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _help_value(flag, required, defaults):
    if flag.name in required:
        return " (required)"
    default = defaults.get(flag.name, flag.default)
    if default is None:
        return ""
    return f" (default {','.join(map(str, default)) if isinstance(default, (list, tuple)) else default})"
