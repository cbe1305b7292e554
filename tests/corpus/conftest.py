"""The same cage and running system as in the other tests."""

from tests.e2e.conftest import inspector, leaves_nothing, mailbox, owner, url  # noqa: F401 - fixtures
from tests.integration.conftest import cage  # noqa: F401 - a fixture
