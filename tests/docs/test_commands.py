"""docs/commands.md is what the programs say of themselves."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("write_commands", ROOT / "docs" / "write_commands.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert len(writer.programs()) >= 17
    assert {"train_hg.py", "train_cpn.py"} <= set(map(str, writer.programs()))
    page = writer.page()
    assert str(ROOT) not in page, "a default names the folder of this checkout: nobody else has it"
    assert writer.PAGE.read_text(encoding="utf-8") == page, "run python docs/write_commands.py"
