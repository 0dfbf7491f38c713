"""Make the tables; print the hash of $PASSWORD."""

import asyncio
import os

from app import Base, engine
from fastapi_users.password import PasswordHelper


async def make_tables():
    """All of them."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


asyncio.run(make_tables())
print(PasswordHelper().hash(os.environ["PASSWORD"]))
