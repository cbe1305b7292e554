"""The keys of tokens in a cluster: what its Secrets hold, and how another key comes to sign while functions run.

A pod gets a changed Secret a minute later or so, and its function then reads it again. Every step waits until that has
happened in every pod, so each instance that verifies knows every key that an instance of login may sign with. Nothing
restarts, which would cut long transfers.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local import setting_names, stack_file, token_keys
from local.cluster.addresses import FUNCTIONS
from local.cluster.kubectl import Kubectl
from local.problem import Problem
from local.token_keys import Key

PRIVATE, PUBLIC = "jwt-private-key", "jwt-public-keys"
SIGNER = "login"
WAIT_SECONDS, PAUSE_SECONDS = 900.0, 3.0  # an ending instance may have a transfer to finish first
# Run within a pod, because a Service answers from any one of them.
ASK = (
    "import os, sys, urllib.request; "
    "url = 'http://127.0.0.1:' + os.environ.get('PORT', '8080') + sys.argv[1]; "
    "print(urllib.request.urlopen(url, timeout=10).read().decode())"
)
CONFLICT = "the object has been modified"
CHANGED = "Somebody else has changed the keys meanwhile. Nobody is logged out: try again."

Place = tuple[str, str]  # a Secret's namespace and name


@dataclass(frozen=True)
class Platform:
    """Where a platform keeps the keys, and how its pods are found."""

    space: str
    label: str
    container: str  # {function} is replaced
    workload: str
    private: tuple[Place, ...]
    public: tuple[Place, ...]  # the first of each is read


def knative() -> Platform:
    """Return where Knative's Services have their keys: each function has a Secret of its own."""
    # An earlier version gave login no public keys.
    holders = sorted(_holders(PUBLIC), key=lambda name: name == SIGNER)
    public = tuple((FUNCTIONS, name) for name in holders)
    label, workload = "serving.knative.dev/service={function}", "services.serving.knative.dev"
    return Platform(FUNCTIONS, label, "user-container", workload, ((FUNCTIONS, SIGNER),), public)


def openfaas() -> Platform:
    """Return where OpenFaaS has them: in Secrets of their own, which were made from those of the functions."""
    space, made_from = "openfaas-fn", knative()
    private, public = ((space, PRIVATE), *made_from.private), ((space, PUBLIC), *made_from.public)
    return Platform(space, "faas_function={function}", "{function}", "deployments.apps", private, public)


class Rotation:
    """The keys of one cluster."""

    def __init__(self, kubectl: Kubectl, platform: Platform, report: Callable[[str], None] = lambda step: None) -> None:
        self._kubectl = kubectl
        self._platform = platform
        self._report = report
        # A Secret that somebody else changes meanwhile is not overwritten.
        self._secrets = dict(self._read({*platform.private, *platform.public}))
        for place in (platform.private[0], platform.public[0]):
            if place not in self._secrets:
                raise Problem(f"There is no Secret {place[1]} in {place[0]}. Deploy the system first.")

    def table(self) -> str:
        """Return the keys as a table."""
        return token_keys.table(self._keys(), self._signing())

    def rotate(self) -> None:
        """Sign with a new key from now on; every step may be the last, and then the next call goes on from there."""
        self._report("Asking every instance for its keys")
        self._await_everywhere(self._signing())
        new = token_keys.private_key()
        self._report("Publishing a new key")
        self._publish(token_keys.with_new(self._settled(), new, time.time()))
        kid = token_keys.public_key(new)["kid"]
        self._await_verifiers(kid)
        self._report("Signing with it")
        self._write(self._platform.private, PRIVATE, new)
        self._await_everywhere(kid)
        self._publish(self._settled())

    def complete(self) -> None:
        """Give login the public keys, if an earlier version made its Secret without them."""
        self._publish(self._keys())

    def _keys(self) -> list[Key]:
        return token_keys.loaded(self._value(self._platform.public[0], PUBLIC))

    def _signing(self) -> str:
        return str(token_keys.public_key(self._value(self._platform.private[0], PRIVATE))["kid"])

    def _settled(self) -> list[Key]:
        private = self._value(self._platform.private[0], PRIVATE)
        return token_keys.settled(self._keys(), private, self._token_ttl(), time.time())

    def _token_ttl(self) -> int:
        place = [f"{self._platform.workload}/{SIGNER}", "-n", self._platform.space]
        found = json.loads(self._kubectl.run("get", *place, "-o", "json"))
        settings = found["spec"]["template"]["spec"]["containers"][0].get("env", [])
        given = {setting["name"]: setting.get("value", "") for setting in settings}
        return setting_names.token_ttl(given.get("TOKEN_TTL_SECONDS", ""))

    def _read(self, places: Iterable[Place]) -> Iterator[tuple[Place, dict[str, Any]]]:
        for space, name in sorted(places):
            found = self._kubectl.run("get", "secret", name, "-n", space, "--ignore-not-found", "-o", "json")
            if found:
                yield (space, name), json.loads(found)

    def _value(self, place: Place, key: str) -> str:
        return b64decode(self._secrets[place]["data"][key]).decode()

    def _publish(self, keys: list[Key]) -> None:
        self._write(self._platform.public, PUBLIC, token_keys.dumped(keys))

    def _write(self, places: tuple[Place, ...], key: str, value: str) -> None:
        for space, name in places:
            if (space, name) in self._secrets:
                version = self._secrets[space, name]["metadata"]["resourceVersion"]
                patch = json.dumps({"metadata": {"resourceVersion": version}, "stringData": {key: value}})
                words = ["patch", "secret", name, "-n", space, "--type", "merge", "--patch-file", "/dev/stdin"]
                self._secrets[space, name] = json.loads(self._patched([*words, "-o", "json"], patch))

    def _patched(self, words: list[str], patch: str) -> str:
        try:
            return self._kubectl.run(*words, given=patch)
        except Problem as problem:
            if CONFLICT in str(problem):
                raise Problem(CHANGED) from None
            raise

    def _await_everywhere(self, kid: str) -> None:
        self._await_verifiers(kid)
        self._await(SIGNER, "/keys", lambda said: said["keys"][0]["kid"] == kid)

    def _await_verifiers(self, kid: str) -> None:
        def knows(said: dict[str, Any]) -> bool:
            if "keys" not in said:
                version = f"{said['function']} runs version {said['version']}, which reads keys only when it starts."
                raise Problem(f"{version} Upgrade it, then try again.")
            return kid in said["keys"]

        for name in _holders(PUBLIC):
            if name != SIGNER:
                self._await(name, "/_/health", knows)

    def _await(self, function: str, path: str, is_ready: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the answers of all instances of a function are as they should be."""
        deadline = time.monotonic() + WAIT_SECONDS
        while late := [pod for pod in self._pods(function) if not self._is_ready(pod, function, path, is_ready)]:
            if time.monotonic() > deadline:
                names = ", ".join(pod["metadata"]["name"] for pod in late)
                raise Problem(f"These do not use the new keys yet: {names}. Nobody is logged out: try again later.")
            time.sleep(PAUSE_SECONDS)
            self._check_unchanged()

    def _check_unchanged(self) -> None:
        place = self._platform.private[0]
        known = self._secrets[place]["metadata"]["resourceVersion"]
        if dict(self._read({place}))[place]["metadata"]["resourceVersion"] != known:
            raise Problem(CHANGED)

    def _pods(self, function: str) -> list[dict[str, Any]]:
        label = self._platform.label.format(function=function)
        found = self._kubectl.run("get", "pods", "-n", self._platform.space, "-l", label, "-o", "json")
        return [pod for pod in json.loads(found)["items"] if pod["status"]["phase"] not in ("Succeeded", "Failed")]

    def _is_ready(
        self, pod: dict[str, Any], function: str, path: str, is_ready: Callable[[dict[str, Any]], bool]
    ) -> bool:
        container = self._platform.container.format(function=function)
        where = ["-n", self._platform.space, pod["metadata"]["name"], "-c", container]
        try:
            said = self._kubectl.run("exec", *where, "--", "python", "-c", ASK, path)
        except Problem as problem:
            if "forbidden" in str(problem):
                raise
            # One that is ending takes no more requests once it does not answer; any other is about to start.
            return "deletionTimestamp" in pod["metadata"]
        return is_ready(json.loads(said))


def _holders(secret: str) -> list[str]:
    return [name for name, entry in stack_file.functions().items() if secret in entry["secrets"]]
