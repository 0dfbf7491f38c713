"""Flask-AppBuilder with its security API: users, roles and permissions by REST, as Superset and Airflow have them."""

import os
from datetime import timedelta

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SECRET"],
    SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://"),
    SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 10, "max_overflow": 10},
    FAB_ADD_SECURITY_API=True,
    # Looking through all permissions takes seconds at each start, and they are made once, by prepare.py.
    FAB_UPDATE_PERMS=os.environ.get("UPDATE_PERMISSIONS") == "yes",
    # The default of fifteen minutes would run out within a run.
    JWT_ACCESS_TOKEN_EXPIRES=timedelta(hours=4),
)
db = get_sqla_class()()
db.init_app(app)
with app.app_context():
    appbuilder = AppBuilder(app, db.session)
