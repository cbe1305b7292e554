"""Users, created like any other client does: login's POST /users with the sign-up token."""

import json
import secrets
from dataclasses import asdict, dataclass
from http import HTTPStatus

import requests

from local.home import Home
from local.problem import Problem
from local.secret_files import SecretFiles
from local.web import call

FIRST_EMAIL = "you@example.com"
ERRORS = {
    "email_taken": "The user {email} already exists.",
    "invalid_email": "{email} is not a valid e-mail address.",
    "common_password": "{title}",
    "weak_password": "The password is too weak: {title}",
}


class EmailTaken(Problem):
    """A user with this address exists."""


@dataclass(frozen=True)
class User:
    """A user account, and its password, which is stored nowhere else in plain text."""

    email: str
    password: str


def sign_up(gateway: str, secret_files: SecretFiles, email: str, password: str | None = None) -> User:
    """Create a user; generate a password if none is given."""
    user = User(email, password or secrets.token_urlsafe(12))
    headers = {"Authorization": f"Bearer {secret_files.read('signup_token')}"}
    try:
        answer = call("POST", f"{gateway}/login/users", json=asdict(user), headers=headers)
    except requests.RequestException as error:
        raise Problem(f"The system does not answer at {gateway}. Start it with: ./local/up") from error
    if answer.status_code != HTTPStatus.CREATED:
        raise _refusal(user, answer)
    return user


def can_log_in(gateway: str, user: User) -> bool:
    """Tell whether this user can log in."""
    answer = call("POST", f"{gateway}/login", auth=(user.email.encode(), user.password.encode()))
    return answer.status_code == HTTPStatus.OK


def first_user(home: Home, gateway: str, secret_files: SecretFiles) -> User:
    """Return the first user; create one if the database does not have the saved one."""
    user = saved_user(home)
    if user and can_log_in(gateway, user):
        return user
    try:
        user = sign_up(gateway, secret_files, FIRST_EMAIL)
    except EmailTaken:  # the user's own database, whose passwords are unknown
        user = sign_up(gateway, secret_files, f"you-{secrets.token_hex(3)}@example.com")
    SecretFiles(home).write("user.json", json.dumps(asdict(user)))
    return user


def saved_user(home: Home) -> User | None:
    """Return the first user, as the last start saved it."""
    try:
        return User(**json.loads(SecretFiles(home).read("user.json")))
    except FileNotFoundError:
        return None


def _refusal(user: User, answer: requests.Response) -> Problem:
    problem = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
    code, title = str(problem.get("code", "")), str(problem.get("title", ""))
    kind = EmailTaken if code == "email_taken" else Problem
    sentence = ERRORS.get(code, "login answered {status}: {title}")
    return kind(sentence.format(email=user.email, title=title, status=answer.status_code))
