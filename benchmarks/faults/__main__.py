"""Does the faults, one by one, and prints a table: `python -m benchmarks.faults [scenario ...] [--seconds 60]`.

For each it starts PostgreSQL, Valkey and the server of an installation of its own, lets people and programs work, makes
a part fail, mends it, and checks that nothing acknowledged was lost or done twice, that nobody got in who shouldn't,
that what failed said so, and that all is well again by itself. Exit code 1: something of it doesn't hold.
"""

import argparse
import json
import sys
import time
from collections import Counter

from benchmarks.faults import checks
from benchmarks.faults.load import Load
from benchmarks.faults.scenarios import SCENARIOS, Skipped
from reprotech.testing.servers import TestProcesses

#: Seconds of load before the fault, and without a failed request until all counts as well.
WARM_UP, CALM = 6, 5
#: Seconds after which nobody waits for it any more.
PATIENCE = 150
HEADER = ("fault", "requests", "failed meanwhile", "slowest answer", "well again after", "checks")


def main():
    """Do them."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("scenarios", nargs="*", metavar="scenario", help=f"of: {', '.join(SCENARIOS)}")
    arguments.add_argument("--seconds", type=float, default=60, help="how long what lasts lasts")
    options = arguments.parse_args()
    if unknown := set(options.scenarios) - set(SCENARIOS):
        arguments.error(f"There is no {', '.join(sorted(unknown))}.")
    print_row(HEADER)
    print_row(["---"] * len(HEADER))
    results = [run(SCENARIOS[name], options.seconds) for name in options.scenarios or SCENARIOS]
    sys.exit(not all(results))


def print_row(cells):
    """A line of the table."""
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def run(scenario, seconds):
    """One fault, and its line of the table; whether all holds."""
    processes = TestProcesses()
    try:
        testbed = scenario.testbed(processes)
        try:
            return under_load(scenario, testbed, seconds)
        finally:
            testbed.close()
    except Skipped as reason:
        print_row([scenario.title, "", "", "", "", f"not done: {reason}"])
        return True
    finally:
        processes.close()
        scenario.clear_up()


def under_load(scenario, testbed, seconds):
    """The fault, once everybody works."""
    load = Load(testbed.web.port)
    with load.going_on():
        time.sleep(WARM_UP)
        early = tally(load.record.since(0))
        began = time.monotonic()
        scenario.fault(testbed, seconds)
        healed = time.monotonic()
        wait_until_calm(load, healed)
    found = checks.failures(testbed, load)
    lines = load.record.since(began)
    failed = [line for line in lines if not line[4]]
    recovery = max([0, *(line[1] - healed for line in failed)])
    found += unstated(scenario, failed)
    if early:
        found.append(f"failed before the fault: {early}")
    if recovery > scenario.within:
        found.append(f"well again after more than {scenario.within} s")
    found += scenario.afterwards(testbed)
    slowest = max(line[1] - line[0] for line in lines)
    counts = ", ".join(f"{count} of {status}" for status, count in tally(lines).items()) or "none"
    verdict = "; ".join(found) or "all hold"
    if found:
        tell_errors(testbed)
    print_row([scenario.title, len(lines), counts, f"{slowest:.1f} s", f"{recovery:.0f} s", verdict])
    return not found


def tell_errors(testbed):
    """What the server logged as an error, each once, on standard error."""
    last_lines = Counter()
    for line in testbed.web.log.read_text(errors="replace").splitlines():
        if line.startswith("{") and json.loads(line).get("exception"):
            last_lines[json.loads(line)["exception"]] += 1
    for text, count in last_lines.most_common(3):
        print(f"{count} of {text[-2500:]}", file=sys.stderr)


def tally(lines):
    """How many requests failed in which way."""
    return Counter(status for *_, status, is_fine in lines if not is_fine)


def wait_until_calm(load, healed):
    """Until nothing failed for a while, and people worked."""
    while time.monotonic() < healed + PATIENCE:
        time.sleep(1)
        recent = load.record.since(max(time.monotonic() - CALM, healed))
        if time.monotonic() > healed + CALM and len(recent) > CALM and all(line[4] for line in recent):
            return


def unstated(scenario, failed):
    """What failed in another way than it may."""
    wrong = Counter((line[3], line[2]) for line in failed if line[3] not in scenario.may)
    return [f"{count} of {status} from {asked}" for (status, asked), count in wrong.most_common(4)]


if __name__ == "__main__":
    main()
