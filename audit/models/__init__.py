"""The append-only audit log, the Merkle tree that seals it, and what helps to inspect it."""

from audit.models.events import Action, AppendOnlyModel, AuditLog
from audit.models.ledger import (
    Anchor,
    Block,
    CapturedChange,
    Checkpoint,
    DailyCount,
    Leaf,
    Node,
    SigningKey,
    VerificationRun,
)
from audit.models.saved_filters import SavedFilter
from audit.models.server_configurations import ServerConfiguration

__all__ = [
    "Action",
    "Anchor",
    "AppendOnlyModel",
    "AuditLog",
    "Block",
    "CapturedChange",
    "Checkpoint",
    "DailyCount",
    "Leaf",
    "Node",
    "SavedFilter",
    "ServerConfiguration",
    "SigningKey",
    "VerificationRun",
]
