"""Refusals of access reviews."""

from http import HTTPStatus

from reprotech.core.exceptions import Conflict, DomainError, StaleVersion


class NotReviewer(DomainError):
    """Only the reviewers decide, whatever permissions others hold."""

    code = "not_reviewer"
    status = HTTPStatus.FORBIDDEN
    message = "Only the reviewers of this review can decide. Ask who opened it to add you."


class OwnAccess(Conflict):
    """Nobody reviews themselves."""

    code = "own_access"
    message = "This is about your own access: another reviewer has to decide it."


class AccessOfWhoLetIn(OwnAccess):
    """Who chose how one gets into the reviewer's account may be the one who reviews."""

    message = (
        "This is about who chose your password or your e-mail address, and so could review themselves through your "
        "account: another reviewer has to decide it. A password that you choose by a mailed link is yours alone."
    )


class ReviewClosed(Conflict):
    code = "review_closed"
    message = "This review is closed: decisions can't be made or changed any more."


class DecidedMeanwhile(Conflict):
    """Another reviewer was first."""

    code = "decided_meanwhile"


class DecidedSince(StaleVersion):
    """The same, found by the version that the reviewer had before them."""
