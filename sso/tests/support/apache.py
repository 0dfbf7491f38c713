"""Debian's Apache with mod_auth_openidc, with a virtual host on a port of a test's own."""

import shutil
import subprocess
from pathlib import Path

from reprotech.testing.servers import wait_for

MODULES = Path("/usr/lib/apache2/modules")
NAMES = "mpm_event authn_core authz_core authz_user headers proxy proxy_http auth_openidc".split()


def program():
    return shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")


def is_installed():
    return bool(program()) and all((MODULES / f"mod_{name}.so").exists() for name in NAMES)


def start_apache(processes, home, port, settings, probe):
    """Apache with these settings of a virtual host, once `probe` raises nothing; its log is `home`/error.log."""
    modules = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in NAMES]
    main = [
        *("ServerName 127.0.0.1", f"ServerRoot {home}", f"Listen 127.0.0.1:{port}", f"PidFile {home}/pid"),
        *(f"ErrorLog {home}/error.log", "StartServers 1", "ServerLimit 2", "ThreadsPerChild 8", "MaxRequestWorkers 16"),
    ]
    (home / "httpd.conf").write_text("\n".join([*modules, *main, settings]))
    command = [program(), "-f", home / "httpd.conf"]
    checked = subprocess.run([*command, "-t"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    log = home / "output"
    process = processes.start([*command, "-DFOREGROUND"], log)
    wait_for(process, log, probe)
    return process
