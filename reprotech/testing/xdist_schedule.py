"""How pytest-xdist hands tests to its processes: a file's tests that follow each other stay together."""

from functools import cached_property
from itertools import groupby

from xdist.scheduler import LoadScopeScheduling


def file_of(test: str) -> str:
    """The file in a test's id."""
    return test.partition("::")[0]


class FileScheduling(LoadScopeScheduling):
    """Like `--dist=loadfile`, but in the order of collection: tests that empty the database stay behind all others."""

    @cached_property
    def _scopes(self) -> dict[str, str]:
        runs = groupby(self.collection or [], file_of)
        return {test: f"{number} {file}" for number, (file, tests) in enumerate(runs) for test in tests}

    def _split_scope(self, nodeid: str) -> str:
        return self._scopes[nodeid]
