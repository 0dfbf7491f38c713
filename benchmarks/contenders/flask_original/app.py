"""What the original description of this system asks for, as a careful Flask developer writes it.

Flask, SQLAlchemy, PyJWT and bcrypt; stateless access tokens; users, roles, permissions and an audit log in PostgreSQL.
Roles and permissions are loaded with their users, not one query a row, and what is searched and sorted is indexed.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import wraps

import bcrypt
import jwt
from flask import Flask, g, jsonify, request
from flask_cors import CORS
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import selectinload
from sqlalchemy.types import JSON

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SECRET"],
    SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
    SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 10, "max_overflow": 10},
)
CORS(app)
db = SQLAlchemy(app)

user_roles = db.Table(
    "user_roles",
    db.Column("user_id", db.ForeignKey("users.id"), primary_key=True),
    db.Column("role_id", db.ForeignKey("roles.id"), primary_key=True),
)
role_permissions = db.Table(
    "role_permissions",
    db.Column("role_id", db.ForeignKey("roles.id"), primary_key=True),
    db.Column("permission_id", db.ForeignKey("permissions.id"), primary_key=True),
)


class Permission(db.Model):
    """What may be done to what."""

    __tablename__ = "permissions"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80), unique=True, nullable=False)
    description = db.Column(db.String(255))
    resource = db.Column(db.String(50))
    action = db.Column(db.String(50))


class Role(db.Model):
    """A named set of permissions."""

    __tablename__ = "roles"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80), unique=True, nullable=False)
    description = db.Column(db.String(255))
    permissions = db.relationship(Permission, secondary=role_permissions)


class User(db.Model):
    """An account."""

    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(80), unique=True, nullable=False)
    email = db.Column(db.String(254), unique=True, nullable=False)
    password_hash = db.Column(db.String(255), nullable=False)
    first_name = db.Column(db.String(50))
    last_name = db.Column(db.String(50))
    is_active = db.Column(db.Boolean, default=True)
    created_at = db.Column(db.DateTime, default=lambda: datetime.now(UTC))
    updated_at = db.Column(db.DateTime, default=lambda: datetime.now(UTC))
    roles = db.relationship(Role, secondary=user_roles)

    def to_dict(self, *, with_permissions=False):
        """As the API shows it."""
        shown = {
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "is_active": self.is_active,
            "roles": [role.name for role in self.roles],
            "created_at": self.created_at.isoformat() + "Z",
        }
        return shown | {"permissions": self.permissions()} if with_permissions else shown

    def permissions(self):
        """Names of what the roles allow."""
        return sorted({permission.name for role in self.roles for permission in role.permissions})


class AuditLog(db.Model):
    """Who did what."""

    __tablename__ = "audit_logs"
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.ForeignKey("users.id"), index=True)
    action = db.Column(db.String(50))
    resource = db.Column(db.String(50))
    ip_address = db.Column(db.String(45))
    user_agent = db.Column(db.String(255))
    timestamp = db.Column(db.DateTime, default=lambda: datetime.now(UTC), index=True)
    details = db.Column(JSON)


def token_for(user, kind, lifetime):
    """A signed token of one kind."""
    claims = {"user_id": user.id, "username": user.username, "type": kind, "exp": datetime.now(UTC) + lifetime}
    return jwt.encode(claims, app.config["SECRET_KEY"], algorithm="HS256")


def signed_in(view):
    """Only for those with a good token; the user, with roles and permissions, is `g.user` then."""

    @wraps(view)
    def guarded(*args, **kwargs):
        try:
            text = request.headers["Authorization"].removeprefix("Bearer ")
            claims = jwt.decode(text, app.config["SECRET_KEY"], algorithms=["HS256"])
        except (KeyError, jwt.InvalidTokenError):
            return jsonify(error="Token is invalid or expired"), 401
        with_roles = selectinload(User.roles).selectinload(Role.permissions)
        g.user = db.session.get(User, claims["user_id"], options=[with_roles])
        if g.user is None or not g.user.is_active:
            return jsonify(error="Account is disabled"), 401
        return view(*args, **kwargs)

    return guarded


def requires(permission):
    """Only for those whose roles hold the permission."""

    def decorate(view):
        @wraps(view)
        def guarded(*args, **kwargs):
            if permission not in g.user.permissions():
                return jsonify(error="Insufficient permissions"), 403
            return view(*args, **kwargs)

        return signed_in(guarded)

    return decorate


@app.post("/api/auth/login")
def login():
    """Tokens for a name and password, with a row in the audit log."""
    sent = request.get_json()
    user = db.session.scalar(db.select(User).filter_by(username=sent["username"]).options(selectinload(User.roles)))
    is_right = user is not None and bcrypt.checkpw(sent["password"].encode(), user.password_hash.encode())
    db.session.add(
        AuditLog(
            user_id=user.id if user else None,
            action="login",
            resource="auth",
            ip_address=request.remote_addr,
            user_agent=request.user_agent.string,
            details={"success": is_right},
        )
    )
    if is_right:
        answer = {
            "access_token": token_for(user, "access", timedelta(hours=4)),
            "refresh_token": token_for(user, "refresh", timedelta(days=30)),
            "user": user.to_dict(),
        }
    db.session.commit()
    return jsonify(answer) if is_right else (jsonify(error="Invalid credentials"), 401)


@app.get("/api/auth/me")
@signed_in
def me():
    """The caller."""
    return jsonify(g.user.to_dict(with_permissions=True))


@app.get("/api/users")
@requires("user_read")
def users():
    """One page of the users, or of those that a search finds."""
    found = db.select(User).options(selectinload(User.roles)).order_by(User.id)
    if search := request.args.get("search"):
        columns = (User.username, User.email, User.first_name, User.last_name)
        found = found.where(db.or_(*(column.icontains(search, autoescape=True) for column in columns)))
    page = db.paginate(found, max_per_page=100, error_out=False)
    return jsonify(
        users=[user.to_dict() for user in page],
        total=page.total,
        page=page.page,
        per_page=page.per_page,
        pages=page.pages,
    )
