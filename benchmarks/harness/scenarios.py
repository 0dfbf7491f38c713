"""What isn't a rate: memory, start-up, latency while others sign in, and idle open dashboards."""

import re
import time
from functools import partial
from statistics import median

from benchmarks.harness.contenders import OURS, PASSWORD, request
from benchmarks.harness.environment import exchange, generate, order_for, say
from benchmarks.harness.machine import children, pss, workers
from benchmarks.harness.runner import measure

PEER = "drf_stock"
DASHBOARDS, SIGNED_IN = 200, 10
#: Between two polls of a page, first and once nothing has changed for a minute (`static/js/dashboard.js`).
FIRST_PAUSE, QUIET_PAUSE = 4.0, 20.0
SATURATING, FEW = 8, 2


def memory(environment, names):
    """{name: {worker: bytes of each, all: bytes of all its processes}} after the tasks have run."""
    found = {}
    for name in names:
        for task in ("me", "list", "search", "login"):
            measure(environment, name, task, 8, 2)
        main = environment.running[name].pid
        each = [pss(worker) for worker in workers(main)]
        found[name] = {"worker": sum(each) / len(each), "all": sum(map(pss, [main, *children(main)]))}
        say(f"  memory of {name}: {found[name]['worker'] / 1024 / 1024:.0f} MB a worker")
    return found


def start(environment, names, count):
    """{name: [seconds from the command to the first answer]}; tables and packages are there, as at any second start."""
    found = {name: [] for name in names}
    for _ in range(count):
        for name in names:
            environment.stop(name)
            found[name].append(environment.start(name))
    say("  starts: " + ", ".join(f"{name} {median(taken):.1f} s" for name, taken in found.items()))
    return found


def saturation(environment, names, count, seconds):
    """{name: [{idle, busy: p95 of `me` in milliseconds}]}; busy is while more sign in than the cores can take."""
    from concurrent.futures import ThreadPoolExecutor

    found = {name: [] for name in names}
    for _ in range(count):
        for name in names:
            port = environment.ports[name]
            calls = order_for(port, environment.requests(name, "me"), FEW, seconds)
            logins = order_for(port, environment.requests(name, "login"), SATURATING, seconds + 2)
            idle = generate(calls)
            with ThreadPoolExecutor(1) as pool:
                signing_in = pool.submit(generate, logins)
                time.sleep(1)
                busy = generate(calls)
                signing_in.result()
            found[name].append({"idle": idle["p95"], "busy": busy["p95"]})
    return found


def dashboards(environment, seconds):
    """The share of one core that our server and PostgreSQL need for open dashboards on which nothing changes."""
    port = environment.ports[OURS.name]
    cookies = [page_session(port, caller) for caller in environment.callers[:SIGNED_IN]]
    requests = [poll(port, cookie) for cookie in cookies]
    found = {"idle": share_of(environment, partial(time.sleep, seconds), seconds)[0]}
    for name, pause in (("first", FIRST_PAUSE), ("polling", QUIET_PAUSE)):
        # Figures may turn out to have changed once: what signed in just now is sealed by then.
        requests = [poll(port, cookie) for cookie in cookies]
        length = max(seconds, pause)
        order = order_for(port, requests, DASHBOARDS, length, expected=(200, 304), pause=pause)
        found[name], figures = share_of(environment, partial(generate, order), length)
    return {**found, "p95": figures["p95"], "rate": figures["rate"]}


def share_of(environment, work, seconds):
    """(Of one core, while `work` runs: our server's processes, PostgreSQL's and Valkey's; what that gives)."""
    before = sum(environment.cpu_seconds(OURS.name).values())
    given = work()
    return (sum(environment.cpu_seconds(OURS.name).values()) - before) / seconds, given


def page_session(port, caller):
    """The cookies of a browser session."""
    status, headers, body = exchange(port, request("GET", "/login", port, {}))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', body.decode())[1]
    cookies = cookies_of(headers)
    from urllib.parse import urlencode

    form = urlencode({"csrfmiddlewaretoken": token, "username": caller["username"], "password": PASSWORD})
    sent = {
        "Cookie": cookies,
        "Content-Type": "application/x-www-form-urlencoded",
        "Referer": f"http://127.0.0.1:{port}/",
    }
    status, headers, body = exchange(port, request("POST", "/login", port, sent, form))
    assert status in {302, 303}, f"{caller['username']} can't sign in on the page: {status} {body[:300]}"
    return f"{cookies}; {cookies_of(headers)}"


def cookies_of(headers):
    """What a browser would send back."""
    return "; ".join(value.split(";")[0] for name, value in headers if name.lower() == "set-cookie")


def poll(port, cookie):
    """What htmx sends every few seconds: the version that it shows, so that the server can say that it's the newest."""
    headers = {"Cookie": cookie, "HX-Request": "true"}
    status, _, body = exchange(port, request("GET", "/", port, headers))
    assert status == 200, f"no dashboard: {status} {body[:300]}"
    etag = re.search(r"If-None-Match&quot;: &quot;(.+?)&quot;\}", body.decode())[1].replace("\\&quot;", '"')
    return request("GET", "/", port, headers | {"If-None-Match": etag})
