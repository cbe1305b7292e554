"""The text shown once the system is up: addresses, a user, and three lines to paste."""

import shlex

from local import stack_file
from local.account import User
from local.plan import Plan


def text(plan: Plan, user: User) -> str:
    """Return the whole text."""
    public = [name for name in plan.functions if not stack_file.takes_events(name)]
    width = max(map(len, public)) + 2
    functions = [f"    {name:<{width}}{plan.gateway}/{name}" for name in public]
    return "\n".join(
        [
            "",
            f"  gateway   {plan.gateway}",
            *functions,
            f"  mailbox   {plan.mailbox or 'none: mails go to the server in SMTP_URL'}",
            f"  user      {user.email}",
            f"  password  {user.password}",
            "",
            f"Open {plan.gateway}/ in a browser, or run ./local/mp3 login, then ./local/mp3 convert FILE.",
            "Or log in, upload, download:",
            "",
            *three_lines(plan, user),
            "",
        ]
    )


def three_lines(plan: Plan, user: User) -> list[str]:
    """Return the three curl lines; the second extracts the id from the JSON, the third waits for the MP3."""
    credentials = shlex.quote(f"{user.email}:{user.password}")
    video = shlex.quote(f"file=@{plan.home.path / 'sample.mp4'}")
    bearer = '-H "Authorization: Bearer $TOKEN"'
    pick = """sed -E 's/.*"id": *"([^"]+)".*/\\1/'"""
    return [
        f"TOKEN=$(curl -sf -X POST -u {credentials} {plan.gateway}/login)",
        f"ID=$(curl -sf -X POST -F {video} {bearer} {plan.gateway}/upload | {pick})",
        f"curl -f --retry 30 --retry-delay 1 --retry-all-errors --output out.mp3 {bearer} "
        f'"{plan.gateway}/download?fid=$ID"',
    ]
