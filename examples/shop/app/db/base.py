"""The declarative base of the shop's models."""

from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
