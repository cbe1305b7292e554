"""The settings that may be exported before ./local/up."""

from __future__ import annotations

from local import setting_names
from tests import declared


def test_every_setting_but_a_secret_may_be_exported() -> None:
    plain = {name for name, setting in declared.of_the_functions().items() if not setting.secret}
    set_by_local, of_the_server = {"FUNCTION_TARGET", "VERSION"}, {"THREADS", "GRACEFUL_TIMEOUT_SECONDS"}
    assert setting_names.exportable() == plain - set_by_local | of_the_server
    assert {"MAX_ATTEMPTS", "MYSQL_URL"} & setting_names.exportable() == {"MAX_ATTEMPTS"}
