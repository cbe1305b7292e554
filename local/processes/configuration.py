"""supervisord.conf and one start script per process, rewritten by each start."""

import json
import shlex
from pathlib import Path

from local.home import ROOT, Home
from local.processes.program import BACKENDS, EDGE, Program

# Groups stop in reverse order, so that functions can hand back their work while the backends still run.
GROUP_ORDER = {BACKENDS: 10, EDGE: 20}


def write(home: Home, programs: list[Program]) -> None:
    """Write run/supervisord.conf and run/NAME.sh for every program.

    supervisor's settings cannot quote every value, so commands and environment go into scripts, and all paths in
    its file are relative to run/, its working directory. The scripts can also start a process by hand.
    """
    for program in programs:
        (home.run / f"{program.name}.sh").write_text(_script(home, program))
    (home.run / "supervisord.conf").write_text(_configuration(home, programs))


def write_operator(home: Home, environment: dict[str, str]) -> None:
    """Write run/operator.json: the settings of ./local/jobs, which must match the functions' settings."""
    _operator(home).write_text(json.dumps(environment, indent=1))


def read_operator(home: Home) -> dict[str, str]:
    """Return the settings that `write_operator` wrote, or none if nothing was started yet."""
    file = _operator(home)
    return {str(name): str(value) for name, value in json.loads(file.read_text()).items()} if file.exists() else {}


def _operator(home: Home) -> Path:
    return home.run / "operator.json"


def _script(home: Home, program: Program) -> str:
    temporary = shlex.quote(str(home.tmp / program.name))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in program.environment.items()]
    return "\n".join(
        [
            "#!/bin/sh",
            # A killed process cannot remove its temporary files; its replacement does.
            f"rm -rf {temporary} && mkdir -p {temporary} && export TMPDIR={temporary}",
            *exports,
            # supervisord may poll the pipe to a program's standard input, at full speed if nothing holds its other end;
            # MariaDB closes it (https://github.com/Supervisor/supervisor/issues/807).
            "exec 9<&0",
            f"cd {shlex.quote(str(ROOT))} && exec {shlex.join(program.command)}",
            "",
        ]
    )


def _configuration(home: Home, programs: list[Program]) -> str:
    socket = home.socket.name if home.socket.parent == home.run else str(home.socket)
    sections = [
        _section("unix_http_server", {"file": socket, "chmod": "0700"}),
        _section(
            "supervisord",
            {
                "logfile": "../log/supervisord.log",
                "logfile_maxbytes": "5MB",
                "logfile_backups": 1,
                "pidfile": "supervisord.pid",
                "childlogdir": "../log",
                "umask": "077",
            },
        ),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    for group, order in GROUP_ORDER.items():
        members = [program for program in programs if program.group == group]
        if members:
            names = ",".join(program.name for program in members)
            sections.append(_section(f"group:{group}", {"programs": names, "priority": order}))
        sections += [_program(program) for program in members]
    return "\n".join(sections)


def _program(program: Program) -> str:
    return _section(
        f"program:{program.name}",
        {
            "command": f"/bin/sh {program.name}.sh",
            "priority": program.order,
            "autostart": "false",
            "autorestart": "true",
            "startsecs": 1,
            "startretries": 5,
            "stopwaitsecs": program.stop_seconds,
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": f"../log/{program.name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": 1,
        },
    )


def _section(title: str, values: dict[str, object]) -> str:
    return "\n".join([f"[{title}]", *(f"{name} = {value}" for name, value in values.items()), ""])
