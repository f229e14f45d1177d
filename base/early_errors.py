"""What ends a program while its modules are imported, before it reads its command line, in one line as well.

That is Ctrl-C in its first moments, and an error in the file of a net, a backbone or another plug-in. The hook is set
for the project's programs alone: in others it is for their writers to say what is shown.
"""

import os
import sys

_INTERRUPTED = 130
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PROGRAMS = (_ROOT, os.path.join(_ROOT, "tools"), os.path.join(_ROOT, "demos"))


def show():
    """Has the errors of a program's imports shown as those of its work are, with the same exit codes."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main and os.path.dirname(os.path.abspath(main)) in _PROGRAMS:
        sys.excepthook = _end


def _end(kind, error, traceback):
    """An excepthook: Python ends with the exit code of the SystemExit that it raises."""
    from base.errors import ProgramError, complain  # not above: Ctrl-C may come while that is imported

    program = os.path.basename(sys.argv[0])
    for part in _chain(error):
        if isinstance(part, ProgramError):
            complain(program, *part.lines())
            sys.exit(part.exit_code)
        if isinstance(part, KeyboardInterrupt):
            complain(program, "interrupted")
            sys.exit(_INTERRUPTED)
    sys.__excepthook__(kind, error, traceback)


def _chain(error):
    """Yields an error and those that it was made of, the last one first: C code makes ImportErrors of any."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
