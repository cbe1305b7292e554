"""The cage and the running system, as the other tests have them."""

from tests.e2e.conftest import inspector, leaves_nothing, mailbox, owner, url  # noqa: F401 - fixtures
from tests.integration.conftest import cage  # noqa: F401 - a fixture
