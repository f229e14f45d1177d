"""What the tests of trainings share."""

import made_trainings
import pytest


@pytest.fixture(scope="session")
def tiny_records(tmp_path_factory):
    """A folder of the few small records that `made_trainings` trains on."""
    return made_trainings.write_records(tmp_path_factory.mktemp("records"))
