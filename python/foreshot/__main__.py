"""`python -m foreshot`: runs the program that was installed with this package."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig


def find() -> str:
    """The path of the program: in the scripts folder of this environment, of the user, or of a `--target` installation."""
    name = "foreshot" + (sysconfig.get_config_var("EXE") or "")
    scheme = "nt_user" if os.name == "nt" else "osx_framework_user" if sys.platform == "darwin" and sys._framework else "posix_user"
    beside = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")
    folders = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", scheme=scheme), beside]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"the program {name} is in none of {', '.join(folders)}: install the package again")


def main() -> int:
    """Runs the program in place of this process (beside it on Windows, which has no such thing)."""
    program = find()
    if os.name == "nt":
        return subprocess.run([program, *sys.argv[1:]], check=False).returncode
    os.execv(program, [program, *sys.argv[1:]])
    return 2


if __name__ == "__main__":
    sys.exit(main())
