"""fastapi-users as its full example has it, on PostgreSQL, with names for the users and a route that lists them.

It knows no roles: the list is for superusers. So it has less to read for each row than the others.
"""

import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyBaseUserTable, SQLAlchemyUserDatabase
from pydantic import BaseModel
from sqlalchemy import DateTime, String, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET = os.environ["SECRET"]
engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10, max_overflow=10
)
make_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """Tables."""


class User(SQLAlchemyBaseUserTable[int], Base):
    """An account: fastapi-users' own columns, which index the e-mail address, and names."""

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    first_name: Mapped[str] = mapped_column(String(50))
    last_name: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class UserRead(schemas.BaseUser[int]):
    """What is shown of a user."""

    username: str
    first_name: str
    last_name: str
    created_at: datetime


class UserPage(BaseModel):
    """What the list answers."""

    users: list[UserRead]
    total: int


class UserManager(IntegerIDMixin, BaseUserManager[User, int]):
    """As in the example."""

    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_session():
    """A session for the request."""
    async with make_session() as session:
        yield session


async def get_user_db(session: Annotated[AsyncSession, Depends(get_session)]):
    """Users of the request's session."""
    yield SQLAlchemyUserDatabase(session, User)


async def get_user_manager(user_db: Annotated[SQLAlchemyUserDatabase, Depends(get_user_db)]):
    """The manager of the request."""
    yield UserManager(user_db)


def get_strategy():
    """Tokens that last longer than the run."""
    return JWTStrategy(secret=SECRET, lifetime_seconds=4 * 3600)


backend = AuthenticationBackend(
    name="jwt", transport=BearerTransport(tokenUrl="auth/jwt/login"), get_strategy=get_strategy
)
users = FastAPIUsers[User, int](get_user_manager, [backend])
superuser = users.current_user(active=True, superuser=True)

app = FastAPI()


@app.get("/users", dependencies=[Depends(superuser)])
async def list_users(
    session: Annotated[AsyncSession, Depends(get_session)], limit: int = 10, offset: int = 0, search: str = ""
) -> UserPage:
    """One page of the users, or of those that a search finds."""
    found = select(User)
    if search:
        columns = (User.username, User.email, User.first_name, User.last_name)
        found = found.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    total = await session.scalar(select(func.count()).select_from(found.subquery()))
    page = await session.scalars(found.order_by(User.id).limit(limit).offset(offset))
    return UserPage(users=[UserRead.model_validate(user) for user in page], total=total or 0)


app.include_router(users.get_auth_router(backend), prefix="/auth/jwt")
app.include_router(users.get_users_router(UserRead, schemas.BaseUserUpdate), prefix="/users")
