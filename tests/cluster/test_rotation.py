"""./local/cluster/keys: at every moment each pod that verifies knows every key that a pod of login may sign with.

The cluster is a model of Secrets and of pods that see them later; the functions' own code reads and uses the keys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest

from functions.common import config
from functions.common.bearer import Bearer
from functions.common.settings import Signing, Verifying
from functions.common.tokens import Signer, Verifier
from local import token_keys
from local.cluster import credentials, rotation
from local.cluster.addresses import FUNCTIONS
from local.cluster.kubectl import Kubectl
from local.cluster.rotation import PRIVATE, PUBLIC, Platform, Rotation
from local.problem import Problem
from tests.cluster.conftest import KUBECONFIG
from tests.cluster.stand_in import USAGE_ERRORS
from tests.local.private import PrivateStack
from tests.manifests.building import KUBECTL

ADA = Bearer("1", "ada@example.org")
LATER = 2  # commands after which a pod sees a changed Secret
COMMANDS_MOST = 400


class Killed(BaseException):
    """The command ends here."""


@dataclass
class Pod:
    """An instance of a function, with its own copies of the Secrets, which its own settings read."""

    function: str
    folder: Path
    follows: bool = True
    answers: bool = True
    phase: str = "Running"
    ending: bool = False
    delay: int = LATER
    coming: list[tuple[int, str, str]] = field(default_factory=list)

    def mount(self, key: str, value: str) -> None:
        new = self.folder / "new"
        new.write_text(value)
        new.rename(self.folder / key)

    def start(self) -> None:
        signs = self.function == "login"
        names = {"JWT_PUBLIC_KEYS_FILE": PUBLIC} | ({"JWT_PRIVATE_KEY_FILE": PRIVATE} if signs else {})
        environ = {name: str(self.folder / key) for name, key in names.items()}
        self.loaded = config.load_all((Signing if signs else Verifying,), environ)
        self.first = self.loaded[Signing if signs else Verifying]

    @property
    def settings(self) -> Any:
        return self.loaded[Signing if self.function == "login" else Verifying] if self.follows else self.first

    def token(self) -> str:
        return Signer(self.settings.private_key, 3600).sign(ADA)

    def said(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return Signer(self.settings.private_key, 3600, self.settings.previous_keys).key_set
        kids = [key["kid"] for key in token_keys.loaded(self.settings.public_keys)]
        return {"function": self.function, "version": "0.6.0"} | ({"keys": kids} if self.follows else {})


class Model(Kubectl):
    """A cluster: what kubectl would do there, and a check of all pods with every command."""

    def __init__(self, folder: Path, platform: Platform) -> None:
        super().__init__("kubectl", "x")
        self.platform = platform
        self.folder = folder
        self.commands: list[list[str]] = []
        self.pods: dict[str, Pod] = {}
        self.meanwhile: Callable[[int], None] = lambda number: None
        private = token_keys.private_key()
        keys = token_keys.dumped(token_keys.with_new([], private, 1_800_000_000))
        self.secrets: dict[tuple[str, str], dict[str, str]] = {}
        for places, key, value in ((platform.private, PRIVATE, private), (platform.public, PUBLIC, keys)):
            for place in places:
                self.secrets.setdefault(place, {})[key] = value
        self.versions = dict.fromkeys(self.secrets, 1)
        for name in ("login-1", "login-2", "upload-1", "upload-2", "download-1"):
            self.add(name)

    def add(self, name: str, **how: Any) -> Pod:
        function = name.partition("-")[0]
        (self.folder / name).mkdir()
        pod = self.pods[name] = Pod(function, self.folder / name, **how)
        for key in (PUBLIC, PRIVATE):
            if key == PUBLIC or function == "login":
                pod.mount(key, self.secrets[self.source(function, key)][key])
        pod.start()
        return pod

    def source(self, function: str, key: str) -> tuple[str, str]:
        """Return the Secret that a function's pods mount for a key."""
        return (self.platform.space, key if self.platform.space != FUNCTIONS else function)

    def run(self, *arguments: str, given: str | None = None) -> str:
        self.commands.append(list(arguments))
        assert len(self.commands) < COMMANDS_MOST, "it waits for ever"
        self.meanwhile(len(self.commands))
        self.sync()
        said = self.answer(arguments, given)
        self.check()
        return said

    def answer(self, arguments: tuple[str, ...], given: str | None) -> str:
        verb, *rest = arguments
        space = rest[rest.index("-n") + 1]
        if verb == "get" and rest[0] == "secret":
            return self.kept((space, rest[1])) if (space, rest[1]) in self.secrets else ""
        if verb == "patch":
            return self.patch((space, rest[1]), json.loads(given or ""))
        if verb == "get" and rest[0] == "pods":
            label, _, function = rest[rest.index("-l") + 1].partition("=")
            assert label in ("serving.knative.dev/service", "faas_function")
            return json.dumps({"items": [self.shown(name) for name in self.pods if name.startswith(f"{function}-")]})
        if verb == "exec":
            return self.exec(rest[rest.index("-n") + 2], rest[-1])
        assert rest[0] == f"{self.platform.workload}/login"
        env = [{"name": "TOKEN_TTL_SECONDS", "value": "600"}]
        return json.dumps({"spec": {"template": {"spec": {"containers": [{"env": env}]}}}})

    def kept(self, place: tuple[str, str]) -> str:
        data = {key: b64encode(value.encode()).decode() for key, value in self.secrets[place].items()}
        return json.dumps({"metadata": {"resourceVersion": str(self.versions[place])}, "data": data})

    def patch(self, place: tuple[str, str], patch: dict[str, Any]) -> str:
        if patch["metadata"]["resourceVersion"] != str(self.versions[place]):
            raise Problem('Operation cannot be fulfilled on secrets "x": the object has been modified')
        self.put(place, patch["stringData"])
        return self.kept(place)

    def put(self, place: tuple[str, str], values: dict[str, str]) -> None:
        self.secrets[place] |= values
        self.versions[place] += 1
        for pod in self.pods.values():
            for key, value in values.items():
                if place == self.source(pod.function, key):
                    pod.coming.append((len(self.commands) + pod.delay, key, value))

    def shown(self, name: str) -> dict[str, Any]:
        ending = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if self.pods[name].ending else {}
        return {"metadata": {"name": name, **ending}, "status": {"phase": self.pods[name].phase}}

    def exec(self, name: str, path: str) -> str:
        if not self.pods[name].answers:
            raise Problem("URLError: Connection refused")
        return json.dumps(self.pods[name].said(path))

    def sync(self) -> None:
        for pod in self.pods.values():
            due = [change for change in pod.coming if change[0] <= len(self.commands)]
            pod.coming = [change for change in pod.coming if change not in due]
            for _, key, value in due:
                pod.mount(key, value)

    def check(self) -> None:
        """Every pod of login signs what every pod that serves verifies, with a key that has no end yet."""
        serving = [pod for pod in self.pods.values() if pod.answers and pod.phase == "Running"]
        tokens = [pod.token() for pod in serving if pod.function == "login"]
        ending = {
            key["kid"] for key in token_keys.loaded(self.secrets[self.platform.public[0]][PUBLIC]) if "exp" in key
        }
        assert not ending & {jwt.get_unverified_header(token)["kid"] for token in tokens}
        for pod in serving:
            if pod.function != "login":
                verifier = Verifier(pod.settings.public_keys)
                assert all(verifier.verify(token) == ADA for token in tokens)

    def verifies(self, token: str) -> bool:
        pods = [pod for pod in self.pods.values() if pod.function != "login"]
        return all(Verifier(pod.settings.public_keys).verify(token) == ADA for pod in pods)


@pytest.fixture(params=[rotation.knative, rotation.openfaas], ids=["knative", "openfaas"])
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setattr(rotation, "PAUSE_SECONDS", 0)
    return Model(tmp_path, request.param())


def rotate(model: Model) -> None:
    Rotation(model, model.platform).rotate()
    for _ in range(LATER + 2):
        model.run("get", "pods", "-n", model.platform.space, "-l", "faas_function=login", "-o", "json")


@pytest.mark.attack("A14")
def test_a_rotation_logs_nobody_out(model: Model) -> None:
    before = model.pods["login-1"].token()
    rotate(model)
    keys = token_keys.loaded(model.secrets[model.platform.public[0]][PUBLIC])
    assert [("exp" in key) for key in keys] == [False, True]
    assert 600 <= keys[1]["exp"] - keys[0]["iat"] - token_keys.MARGIN_SECONDS < 660
    after = model.pods["login-2"].token()
    assert after.split(".")[0] != before.split(".")[0]
    assert model.verifies(before)
    assert model.verifies(after)
    assert {values[PUBLIC] for values in model.secrets.values() if PUBLIC in values} == {token_keys.dumped(keys)}
    assert len({values[PRIVATE] for values in model.secrets.values() if PRIVATE in values}) == 1
    assert not [word for words in model.commands for word in words if "PRIVATE KEY" in word]


@pytest.mark.parametrize("last", range(1, 60, 2))
def test_a_rotation_may_die_after_each_command(last: int, model: Model) -> None:
    def die(number: int) -> None:
        if number > last:
            raise Killed

    tokens = [model.pods["login-1"].token()]
    model.meanwhile = die
    with suppress(Killed):
        rotate(model)
    model.meanwhile = lambda number: None
    tokens.append(model.pods["login-1"].token())
    rotate(model)
    assert all(model.verifies(token) for token in [*tokens, model.pods["login-2"].token()])
    keys = token_keys.loaded(model.secrets[model.platform.public[0]][PUBLIC])
    assert [("exp" in key) for key in keys] == [False] + [True] * (len(keys) - 1)


def test_it_waits_for_a_slow_pod_and_for_one_that_starts_or_ends(model: Model) -> None:
    model.add("upload-3", delay=50)
    model.add("upload-4", phase="Pending", answers=False, delay=100)
    model.add("download-2", ending=True, delay=60)
    model.add("download-3", ending=True, answers=False)
    model.add("login-3", delay=70)
    model.add("login-4", phase="Succeeded", answers=False)

    def go_on(number: int) -> None:
        if number == 90:
            model.pods["upload-4"].phase = "Running"
            model.pods["upload-4"].answers = True

    model.meanwhile = go_on
    rotate(model)
    assert len(model.commands) > 150


def test_a_pod_that_starts_meanwhile_has_the_new_keys(model: Model) -> None:
    def start(number: int) -> None:
        if number % 10 == 0:
            model.add(f"upload-{number}")
            model.add(f"login-{number}")

    model.meanwhile = start
    rotate(model)


@pytest.mark.parametrize("number", range(2, 50, 3))
def test_two_rotations_at_once_log_nobody_out(number: int, model: Model) -> None:
    """One stops before it signs with a key that is not known everywhere."""
    before = model.pods["login-1"].token()

    def rotate_too(reached: int) -> None:
        if reached == number:
            model.meanwhile = lambda _: None
            rotate(model)

    model.meanwhile = rotate_too
    if message := problem_of(partial(rotate, model)):  # none if the first was done
        assert message == rotation.CHANGED
    model.meanwhile = lambda _: None
    rotate(model)
    assert model.verifies(before)
    assert model.verifies(model.pods["login-1"].token())


def problem_of(work: Callable[[], None]) -> str:
    """Return the message that work ends with, or ""."""
    try:
        work()
    except Problem as problem:
        return str(problem)
    return ""


def test_an_earlier_version_is_told_to_upgrade(model: Model) -> None:
    """It would not know the new key before its next start."""
    model.pods["upload-2"].follows = False
    before = dict(model.secrets)
    with pytest.raises(Problem, match=r"^upload runs version 0.6.0, which reads keys only when it starts. Upgrade it"):
        rotate(model)
    assert model.secrets == before


def test_an_instance_that_never_learns_the_key_ends_the_wait(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "WAIT_SECONDS", 0)
    model.pods["download-1"].delay = 10_000
    signing = model.pods["login-1"].said("/keys")["keys"][0]["kid"]
    with pytest.raises(Problem, match=r"These do not use the new keys yet: .*download-1. Nobody is logged out"):
        rotate(model)
    assert model.pods["login-1"].said("/keys")["keys"][0]["kid"] == signing


def test_a_refused_permission_ends_the_wait(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, path: str) -> str:
        raise Problem('pods "x" is forbidden: User "y" cannot create resource "pods/exec"')

    monkeypatch.setattr(model, "exec", refuse)
    with pytest.raises(Problem, match="is forbidden"):
        rotate(model)


def test_login_of_an_earlier_version_gets_the_public_keys(tmp_path: Path) -> None:
    """Its Secret had the private one alone, and without the file its new version does not start."""
    model = Model(tmp_path, rotation.knative())
    del model.secrets[FUNCTIONS, "login"][PUBLIC]
    Rotation(model, model.platform).complete()
    assert model.secrets[FUNCTIONS, "login"][PUBLIC] == model.secrets[FUNCTIONS, "upload"][PUBLIC]


def test_without_secrets_there_is_nothing_to_rotate(tmp_path: Path) -> None:
    model = Model(tmp_path, rotation.knative())
    del model.secrets[FUNCTIONS, "login"]
    with pytest.raises(Problem, match=r"^There is no Secret login in mp3converter\. Deploy the system first\.$"):
        Rotation(model, model.platform)


def test_the_places_are_where_the_secrets_are() -> None:
    made = credentials.make("h/d", "h/d", "r", "smtp://r")
    there = {
        (made["metadata"]["namespace"], made["metadata"]["name"], key) for made in made for key in made["stringData"]
    }
    for platform in (rotation.knative(), rotation.openfaas()):
        kept = [(*place, PRIVATE) for place in platform.private] + [(*place, PUBLIC) for place in platform.public]
        assert {place for place in there if place[2] in (PRIVATE, PUBLIC)} == set(kept) & there
    assert rotation.openfaas().public[0] == ("openfaas-fn", PUBLIC)


def test_the_real_kubectl_accepts_each_command_line(model: Model, tmp_path: Path) -> None:
    """It only has nothing to reach."""
    rotate(model)
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    kinds = {tuple(words[:2]): words for words in model.commands}
    assert len(kinds) >= 5
    for words in kinds.values():
        command = [str(KUBECTL), "--context", "kind-mp3converter", *words]
        done = subprocess.run(
            command, input="{}", env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode != 0
        assert "127.0.0.1:9" in done.stderr
        assert not any(sign in done.stderr for sign in USAGE_ERRORS), done.stderr


def test_a_pod_is_asked_by_its_own_python(stack: PrivateStack) -> None:
    """As in a pod, by the port that the function listens on."""
    for function, path in (("upload", "/_/health"), ("download", "/_/health"), ("login", "/keys")):
        environment = {"PORT": stack.functions[function].rpartition(":")[2]}
        ask = partial(subprocess.run, [sys.executable, "-c", rotation.ASK, path], env=environment, check=True)
        said = json.loads(ask(capture_output=True, timeout=60).stdout)
        assert said["keys"]
