"""Sentences about access reviews: action, details, what it is about, and the text."""

REVIEW = {"resource": "review", "resource_id": "3", "resource_name": "Q4"}
REFUSED = {**REVIEW, "success": False}
GRANT = {"kind": "grant", "user_id": 7, "role": "Manager"}
REVIEW_SENTENCES = [
    ("review_open", {"items": 1200}, REVIEW, "admin opened the access review Q4 of 1,200 lines"),
    (
        "review_open",
        {"reason": "There is nothing to review."},
        REFUSED,
        "admin failed to open the access review Q4: there is nothing to review",
    ),
    (
        "review_decide",
        {"decision": "remove", "about": GRANT},
        REVIEW,
        "admin decided to remove the role Manager of user 7 in Q4",
    ),
    (
        "review_decide",
        {"decision": "keep", "about": {"kind": "application"}},
        REVIEW,
        "admin kept an application in Q4",
    ),
    (
        "review_decide",
        {"decision": "remove", "about": GRANT, "carried_out": True},
        REVIEW,
        "admin carried out what the access review Q4 decided about the role Manager of user 7",
    ),
    ("review_decide", {}, REFUSED, "admin failed to review a line in Q4"),
    ("update", {"mail": "review_due", "owner_id": 7}, REVIEW, "admin mailed a reviewer of Q4"),
    ("review_close", {}, REVIEW, "admin closed the access review Q4"),
    ("review_close", {}, REFUSED, "admin failed to close the access review Q4"),
]
