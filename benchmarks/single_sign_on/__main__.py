"""What signing in to programs costs, next to `GET /api/auth/me`: `python -m benchmarks.single_sign_on`.

Has a process ask among ten sign-ins at programs, and another among ten thousand, through the whole application, on a
PostgreSQL with Valkey and on SQLite. All take turns, so a ratio compares what was measured one right after the other.
Then a server with two worker processes is asked to lock people who are signed in, and it is measured how long after the
answer the logout token arrives at the program.
"""

import argparse
from statistics import median

from benchmarks.harness.environment import POSTGRESQL, say
from benchmarks.harness.machine import load
from benchmarks.harness.results import figure, quantile, ratio, spread_text
from benchmarks.single_sign_on import logouts, worker
from benchmarks.single_sign_on.processes import Worker, variables_of
from reprotech.testing.servers import TestProcesses, start_postgresql, start_valkey


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.single_sign_on", description=__doc__.splitlines()[0])
    arguments.add_argument("--sign-ins", type=int, nargs=2, default=[10, 10_000], help="both sizes")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--asks", type=int, default=20, help="how often each task is done in a round")
    arguments.add_argument("--locks", type=int, default=20, help="how many people are locked in each way")
    arguments.add_argument("--database", choices=("PostgreSQL", "SQLite"), help="only this one")
    options = arguments.parse_args()
    # One of ten programs is told, and the first of each way isn't counted.
    if options.sign_ins[1] < 10 * 2 * (options.locks + 1):
        arguments.error("Too few are signed in to lock so many.")
    processes = TestProcesses()
    try:
        if options.database != "SQLite":
            measure_postgresql(processes, options)
        if options.database != "PostgreSQL":
            urls = {count: f"sqlite:///{processes.directory}/of_{count}.sqlite3" for count in options.sign_ins}
            workers = {count: Worker(count, variables_of(processes, url)) for count, url in urls.items()}
            print_table("SQLite", rounds(workers, options), options)
            close(workers)
    finally:
        processes.close()


def measure_postgresql(processes, options):
    """Both sizes, and how soon programs hear of what ended among the larger."""
    postgresql, valkey = start_postgresql(processes, **POSTGRESQL), start_valkey(processes)
    variables = {
        count: variables_of(processes, worker.make_database(postgresql, f"of_{count}"), f"{valkey}/{number}")
        for number, count in enumerate(options.sign_ins)
    }
    workers = {count: Worker(count, of_size) for count, of_size in variables.items()}
    print_table("PostgreSQL", rounds(workers, options), options)
    most = options.sign_ins[1]
    found = logouts.measure(processes, variables[most], workers[most], options.locks)
    print(f"\nFrom the answer to the arrival of the logout token, among {most:,} sign-ins, ms; load {load():.1f}")
    for how, taken in found.items():
        print(f"{how:30} median {figure(median(taken)):>6}   95% {figure(quantile(taken, 0.95)):>6}", end="")
        print(f"   worst of {len(taken)} {figure(max(taken)):>6}")
    close(workers)


def close(workers):
    """End them."""
    for each in workers.values():
        each.close()


def rounds(workers, options):
    """{task: {sign-ins: [(median, processor time) of each round]}}, in milliseconds."""
    found = {task: {count: [] for count in workers} for task in worker.TASKS}
    for number in range(options.rounds + 1):
        for task in worker.TASKS:
            for count in sorted(workers, reverse=bool(number % 2)):
                figures = workers[count].order(task, options.asks)
                if number:  # the first only fills caches
                    found[task][count].append(figures)
        say(f"  round {number} of {options.rounds}, load {load():.1f}")
    return found


def print_table(database, found, options):
    """A line for each task."""
    few, many = options.sign_ins
    reference, _ = zip(*found[worker.ME][many], strict=True)
    print(f"\n{database}, ms (median){'':9}{few:>9,}{many:>11,}{'ratio':>22}{'to me':>22}{'CPU ms':>16}")
    for task, of in found.items():
        (least, least_cpu), (most, most_cpu) = (zip(*of[count], strict=True) for count in (few, many))
        growth, to_me = spread_text(ratio(most, least)), spread_text(ratio(most, reference))
        cpu = f"{figure(median(least_cpu))} → {figure(median(most_cpu))}"
        print(f"{task:29}{figure(median(least)):>9}{figure(median(most)):>11}{growth:>22}{to_me:>22}{cpu:>16}")


if __name__ == "__main__":
    main()
