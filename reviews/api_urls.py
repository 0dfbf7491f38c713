from django.urls import path

from reviews.api.views import ReviewItemViewSet, ReviewViewSet

urlpatterns = [
    path("reviews", ReviewViewSet.as_view({"get": "list", "post": "create"})),
    path("reviews/<int:review_id>", ReviewViewSet.as_view({"get": "retrieve", "patch": "update"})),
    path("reviews/<int:review_id>/close", ReviewViewSet.as_view({"post": "close"})),
    path("reviews/<int:review_id>/report", ReviewViewSet.as_view({"get": "report"})),
    path("reviews/<int:review_id>/items", ReviewItemViewSet.as_view({"get": "list"})),
    path("reviews/<int:review_id>/unchanged", ReviewItemViewSet.as_view({"post": "keep_unchanged"})),
    path(
        "reviews/<int:review_id>/items/<int:item_id>",
        ReviewItemViewSet.as_view({"get": "retrieve", "post": "decide"}),
    ),
    path("reviews/<int:review_id>/items/<int:item_id>/removal", ReviewItemViewSet.as_view({"post": "carry_out"})),
]
