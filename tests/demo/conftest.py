"""The models that the demonstration trains, for tests that need one."""

import pytest
from trained import Trained, train_all


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    pytest.importorskip("torch", reason="tiny models are trained by torch")
    pytest.importorskip("transformers", reason="tiny models are of transformers' classes")
    return train_all(tmp_path_factory.mktemp("trained"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Training all of them takes a minute and a half: `make test` has the demonstration's own models."""
    for item in items:
        if "trained" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)
