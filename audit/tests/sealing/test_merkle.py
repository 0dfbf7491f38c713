"""The Merkle tree is RFC 6962's, to this program, the standalone verifier and one by others."""

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from audit.crypto.merkle import EMPTY_ROOT, Frontier, consistency_path, cover, inclusion_path, leaf_hash, node_hash
from audit.tests.support.merkle_proofs import is_consistent, is_included, root_hash
from audit.tests.support.standalone_verifier import module as verifier

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database

# The vectors of RFC 6962's reference implementation.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
#: (position, size): path
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
#: (old size, new size): proof of consistency
CONSISTENT = {
    (1, 1): [],
    (1, 8): PATHS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def nodes_over(leaves):
    """The hashes of complete subtrees over these leaves' hashes."""

    def nodes(level, index):
        if level == 0:
            return leaves[index]
        return node_hash(nodes(level - 1, 2 * index), nodes(level - 1, 2 * index + 1))

    return nodes


HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
NODES = nodes_over(HASHES)


def texts(hashes):
    return [found.hex() for found in hashes]


def test_roots_are_those_of_rfc_6962():
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root_hash(NODES, size).hex() for size in range(1, 9)] == ROOTS
    frontier, tree = Frontier(), verifier.Tree()
    for leaf, root in zip(HASHES, ROOTS, strict=True):
        frontier.append(leaf)
        tree.add(leaf)
        assert (frontier.root.hex(), tree.root().hex()) == (root, root)


@pytest.mark.parametrize(("place", "path"), PATHS.items())
def test_paths_are_those_of_rfc_6962(place, path):
    position, size = place
    assert texts(inclusion_path(NODES, position, size)) == path
    proof = [bytes.fromhex(found) for found in path]
    assert is_included(HASHES[position], position, size, proof, bytes.fromhex(ROOTS[size - 1]))
    assert verifier.included_root(HASHES[position], position, size, proof).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("sizes", "path"), CONSISTENT.items())
def test_proofs_of_consistency_are_those_of_rfc_6962(sizes, path):
    old, new = sizes
    assert texts(consistency_path(NODES, old, new)) == path
    proof = [bytes.fromhex(found) for found in path]
    roots = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    assert is_consistent(old, new, *roots, proof)
    assert verifier.is_consistent(old, new, *roots, proof)


def without_exception(check, *arguments):
    try:
        return check(*arguments)
    except verifier.Wrong:
        return False


def test_every_proof_of_a_tree_is_checked_alike_by_three_programs():
    leaves = [leaf_hash(bytes([number])) for number in range(70)]
    nodes = nodes_over(leaves)
    theirs = pymerkle.InmemoryTree()
    for number in range(70):
        theirs.append_entry(bytes([number]))
    for size in range(1, 71):
        root = root_hash(nodes, size)
        assert root == theirs.get_root(size)
        for position in range(size):
            path = inclusion_path(nodes, position, size)
            proof = theirs.prove_inclusion(position + 1, size)
            assert proof.path == [leaves[position], *path]
            pymerkle.verify_inclusion(leaves[position], root, proof)
            assert is_included(leaves[position], position, size, path, root)
            assert verifier.included_root(leaves[position], position, size, path) == root
        for old in range(1, size + 1):
            path = consistency_path(nodes, old, size)
            old_root = root_hash(nodes, old)
            pymerkle.verify_consistency(old_root, root, theirs.prove_consistency(old, size))
            assert is_consistent(old, size, old_root, root, path)
            assert verifier.is_consistent(old, size, old_root, root, path)


@given(some.data())
@settings(max_examples=300, deadline=None)
def test_no_other_proof_passes_in_either_program(data):
    leaves = [leaf_hash(bytes([number])) for number in range(data.draw(some.integers(2, 40)))]
    nodes, size = nodes_over(leaves), len(leaves)
    position, old = data.draw(some.integers(0, size - 1)), data.draw(some.integers(1, size - 1))
    root, old_root = root_hash(nodes, size), root_hash(nodes, old)
    path = inclusion_path(nodes, position, size)
    wrong = data.draw(changed(path))
    assert not is_included(leaves[position], position, size, wrong, root)
    assert without_exception(verifier.included_root, leaves[position], position, size, wrong) != root
    other = data.draw(some.integers(0, size - 1).filter(lambda other: other != position))
    assert not is_included(leaves[position], other, size, path, root)
    assert without_exception(verifier.included_root, leaves[position], other, size, path) != root
    wrong = data.draw(changed(consistency_path(nodes, old, size)))
    assert not is_consistent(old, size, old_root, root, wrong)
    assert not without_exception(verifier.is_consistent, old, size, old_root, root, wrong)


def changed(path):
    """A list of hashes that is not `path`."""
    noise = some.binary(min_size=32, max_size=32)
    choices = [some.lists(noise, max_size=8), noise.map(lambda found: [*path, found]), noise.map(lambda f: [f, *path])]
    if path:
        choices.append(some.integers(0, len(path) - 1).map(lambda index: path[:index] + path[index + 1 :]))
        choices.append(some.permutations(path))
    return some.one_of(choices).filter(lambda found: list(found) != path)


EXTRA = bytes(32)
LEAF, PAIR = HASHES[0], node_hash(HASHES[0], HASHES[1])
LONGER = [*consistency_path(NODES, 3, 4), EXTRA]


@pytest.mark.parametrize(
    ("index", "size", "path", "root"),
    [
        (1, 1, [], LEAF),
        (-1, 1, [], LEAF),
        (8, 8, [EXTRA] * 3, LEAF),
        (0, 1, [EXTRA], node_hash(EXTRA, LEAF)),
        (0, 2, [HASHES[1], EXTRA], node_hash(EXTRA, PAIR)),
        (0, 4, [HASHES[1]], PAIR),
    ],
    ids=["beyond the end", "before the start", "far beyond", "one step too many", "a step more", "one step too few"],
)
def test_a_path_proves_nothing_by_another_shape_though_its_hashes_lead_to_the_root(index, size, path, root):
    assert not is_included(LEAF, index, size, path, root)
    assert without_exception(verifier.included_root, LEAF, index, size, path) != root


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "path"),
    [
        (2, 5, PAIR, node_hash(PAIR, HASHES[2]), [HASHES[2]]),
        (3, 4, node_hash(EXTRA, root_hash(NODES, 3)), node_hash(EXTRA, root_hash(NODES, 4)), LONGER),
        (3, 3, EXTRA, EXTRA, [EXTRA]),
        (3, 2, EXTRA, EXTRA, []),
        (0, 2, EMPTY_ROOT, PAIR, [EXTRA]),
        (0, 2, EXTRA, PAIR, []),
    ],
    ids=["too short", "too long", "of the same tree", "of a shorter tree", "of an empty tree", "of no empty tree"],
)
def test_a_proof_of_consistency_of_another_shape_proves_nothing(old, new, old_root, new_root, path):
    assert not is_consistent(old, new, old_root, new_root, path)
    assert not without_exception(verifier.is_consistent, old, new, old_root, new_root, path)


@given(some.integers(0, 3000), some.integers(0, 3000))
def test_the_subtrees_beside_a_range_make_up_what_they_cover(start, length):
    pieces = cover(start, start + length)
    assert sum(1 << level for level, _ in pieces) == length
    assert [level for level, _ in pieces] == verifier.levels(start, start + length)
    assert len(pieces) <= 2 * (start + length).bit_length()
