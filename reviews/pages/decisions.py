"""The decisions of a page, as its form sends them: `decision-7`, `reason-7` and `version-7` of item 7."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from accounts.common.requests import PageRequest
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.web.access import POST, requires
from reprotech.web.pagination import MAX_PER_PAGE
from reprotech.web.responses import safe_next_url
from reviews.api.views import find_review
from reviews.decisions.checks import checked_reason
from reviews.decisions.services import Choice, carry_out_removal, decide_items, keep_unchanged
from reviews.models import ReviewItem
from reviews.permissions import USER_READ
from reviews.reports.rows import Row

FIELD = re.compile(r"decision-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answers:
    """What was chosen and typed, by the item's id."""

    sent: Mapping[int, Choice]

    @classmethod
    def read(cls, data: QueryDict) -> "Answers":
        found = [match for match in map(FIELD.fullmatch, data) if match][:MAX_PER_PAGE]
        return cls(
            {
                int(match[1]): Choice(
                    str(data[match[0]]), data.get(f"reason-{match[1]}", ""), data.get(f"version-{match[1]}", "")
                )
                for match in found
            }
        )

    def new_ones(self, items: Iterable[ReviewItem]) -> dict[int, Choice]:
        """Those that differ from what is decided already."""
        return {
            item.pk: self.sent[item.pk]
            for item in items
            if (self.sent[item.pk].decision, self.sent[item.pk].reason.strip()) != (item.decision, item.reason)
        }

    def errors(self, choices: Mapping[int, Choice]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for pk, choice in choices.items():
            try:
                checked_reason(choice.decision, choice.reason)
            except ValidationFailed as refusal:
                found[pk] = [sentence for sentences in refusal.errors.values() for sentence in sentences]
        return found

    def without(self, ids: Collection[int]) -> "Answers":
        return Answers({pk: choice for pk, choice in self.sent.items() if pk not in ids})

    def put_back(self, row: Row) -> None:
        if choice := self.sent.get(row.item.pk):
            row.typed, row.reason = choice.decision, choice.reason


def saved_sentence(count: int) -> str:
    return f"{count} decision{'' if count == 1 else 's'} saved."


def _back(request: PageRequest, review_id: int) -> HttpResponse:
    return redirect(safe_next_url(request, default=reverse("review", args=[review_id])))


@requires(USER_READ, POST)
def decide_rest(request: PageRequest, review_id: int) -> HttpResponse:
    """One decision for all lines of a page that nobody decided yet."""
    review = find_review(request.user, review_id)
    sent = [int(text) for text in request.POST.get("items", "").split(",") if text.isdecimal()][:MAX_PER_PAGE]
    choice = Choice(request.POST.get("decision", ""), request.POST.get("reason", ""))
    wanted = review.items.decidable_by(request.user).filter(pk__in=sent)
    try:
        outcomes = decide_items(
            actor=request.user,
            review_id=review.pk,
            choices=dict.fromkeys(wanted.order_by("position").values_list("pk", flat=True), choice),
        )
    except DomainError as refusal:
        _complain(request, refusal)
        return _back(request, review_id)
    if outcomes.decided:
        messages.success(request, saved_sentence(len(outcomes.decided)))
    for sentence in {error.message for error in outcomes.refused.values()}:
        messages.error(request, sentence)
    return _back(request, review_id)


@requires(USER_READ, POST)
def keep_all_unchanged(request: PageRequest, review_id: int) -> HttpResponse:
    review = find_review(request.user, review_id)
    try:
        kept = keep_unchanged(actor=request.user, review_id=review.pk)
        messages.success(request, f"{kept} kept, each on record.")
    except DomainError as refusal:
        _complain(request, refusal)
    return _back(request, review_id)


@requires(USER_READ, POST)
def carry_out(request: PageRequest, review_id: int, item_id: int) -> HttpResponse:
    """A removal that its reviewer had no right to do."""
    review = find_review(request.user, review_id)
    try:
        carry_out_removal(actor=request.user, review_id=review.pk, item_id=item_id)
        messages.success(request, "Carried out.")
    except DomainError as refusal:
        _complain(request, refusal)
    return _back(request, review_id)


def _complain(request: PageRequest, refusal: DomainError) -> None:
    for sentence in [text for texts in refusal.errors.values() for text in texts] or [refusal.message]:
        messages.error(request, sentence)
