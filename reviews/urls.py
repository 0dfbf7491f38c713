from django.urls import path

from reviews.pages import decisions, form_views, report_views, views

urlpatterns = [
    path("reviews", views.list_reviews, name="reviews"),
    path("reviews/new", form_views.open_review, name="new_review"),
    path("reviews/<int:review_id>", views.show_review, name="review"),
    path("reviews/<int:review_id>/edit", form_views.edit_review, name="edit_review"),
    path("reviews/<int:review_id>/close", form_views.close_review, name="close_review"),
    path("reviews/<int:review_id>/report", report_views.show_report, name="review_report"),
    path("reviews/<int:review_id>/rest", decisions.decide_rest, name="decide_rest"),
    path("reviews/<int:review_id>/unchanged", decisions.keep_all_unchanged, name="keep_unchanged"),
    path("reviews/<int:review_id>/items/<int:item_id>/removal", decisions.carry_out, name="carry_out_removal"),
]
